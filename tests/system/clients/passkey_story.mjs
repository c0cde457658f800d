// Registers a passkey on a page of the service in Chromium, and signs in by it.
import assert from "node:assert/strict";
import { browse } from "./browser.mjs";

const [chromium, profile, url, token] = process.argv.slice(2);

async function story({ send }) {
  async function run(expression) {
    const options = { expression, awaitPromise: true, returnByValue: true };
    const { result, exceptionDetails } = await send("Runtime.evaluate", options);
    assert.ok(!exceptionDetails, JSON.stringify(exceptionDetails));
    return result.value;
  }

  const call = (path, body, headers = {}) =>
    run(`fetch("${url}/api${path}", {
      method: "POST",
      headers: ${JSON.stringify({ "content-type": "application/json", ...headers })},
      body: JSON.stringify(${body}),
    }).then(async (answer) => [answer.status, await answer.json()])`);

  const options = (kind, path, body, headers) =>
    run(`fetch("${url}/api${path}", {
      method: "POST",
      headers: ${JSON.stringify({ "content-type": "application/json", ...headers })},
      body: ${body === undefined ? "undefined" : `JSON.stringify(${body})`},
    }).then((answer) => answer.json()).then(async ({ public_key }) => {
      const publicKey = PublicKeyCredential.parse${kind}OptionsFromJSON(public_key);
      const made = await navigator.credentials.${kind === "Creation" ? "create" : "get"}({ publicKey });
      return JSON.stringify(made.toJSON());
    })`);

  for (let tries = 0; tries < 4000; tries++) {
    if ((await run("location.href")).startsWith(url)) break;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  await send("WebAuthn.enable");
  const authenticator = {
    protocol: "ctap2",
    transport: "internal",
    hasResidentKey: true,
    hasUserVerification: true,
    isUserVerified: true,
  };
  const added = await send("WebAuthn.addVirtualAuthenticator", { options: authenticator });

  const bearer = { authorization: `Bearer ${token}` };
  const made = await options("Creation", "/auth/passkeys/options", undefined, bearer);
  const [created, passkey] = await call("/auth/passkeys", `{ credential: ${made} }`, bearer);
  assert.equal(created, 201, JSON.stringify(passkey));

  for (const login of ["{}", '{ username: "zoe" }']) {
    const got = await options("Request", "/auth/passkeys/sign-in/options", login, {});
    const [status, tokens] = await call("/auth/passkeys/sign-in", `{ credential: ${got} }`);
    assert.equal(status, 200, JSON.stringify(tokens));
    const [again] = await call("/auth/passkeys/sign-in", `{ credential: ${got} }`);
    assert.equal(again, 400);
  }

  await send("WebAuthn.setUserVerified", { ...added, isUserVerified: false });
  const refused = await options("Request", "/auth/passkeys/sign-in/options", "{}", {}).then(
    () => "answered",
    () => "refused",
  );
  assert.equal(refused, "refused");
}

await browse(chromium, profile, `${url}/docs`, story);
