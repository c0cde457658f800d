const place = document.getElementById("swagger");
const KEPT = "jubilee.authorized";

function followColorScheme() {
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const apply = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
  dark.addEventListener("change", apply);
  apply();
}

// Only what a request needs: no password, no client secret, no refresh token.
function withoutSecrets({ name, schema, value, username, token }) {
  const kept = token && { access_token: token.access_token, token_type: token.token_type };
  return { name, schema, value, username, token: kept };
}

// The sign-in survives a reload and ends with the tab. `persistAuthorization` of Swagger UI
// would write the password itself into localStorage, where it stays.
function keepSignIn(ui) {
  const kept = sessionStorage.getItem(KEPT);
  if (kept !== null) {
    ui.authActions.restoreAuthorization({ authorized: JSON.parse(kept) });
  }
  ui.getStore().subscribe(() => {
    const entries = Object.entries(ui.authSelectors.authorized()?.toJS() ?? {});
    if (entries.length === 0) {
      sessionStorage.removeItem(KEPT);
      return;
    }
    const safe = entries.map(([name, authorization]) => [name, withoutSecrets(authorization)]);
    sessionStorage.setItem(KEPT, JSON.stringify(Object.fromEntries(safe)));
  });
}

followColorScheme();
const ui = SwaggerUIBundle({
  url: place.dataset.document,
  domNode: place,
  deepLinking: true,
  displayOperationId: true,
  displayRequestDuration: true,
  validatorUrl: null, // else the document's address goes to another host
  onComplete: () => keepSignIn(ui),
});
