// The certified issuer `oidc-provider`: it requires PKCE, and tells the address by userinfo alone.
import Provider from "oidc-provider";

const [port, redirect] = process.argv.slice(2);
const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [
    { client_id: "jubilee", client_secret: "a-secret-of-the-test", redirect_uris: [redirect] },
  ],
  claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name"] },
  pkce: { required: () => true },
  cookies: { keys: ["a-key-of-the-test"] },
  features: { devInteractions: { enabled: true } },
  findAccount: (_, sub) => ({
    accountId: sub,
    claims: () => ({ sub, email: `${sub}@example.com`, email_verified: true, name: "Zoe Quill" }),
  }),
});
provider.listen(Number(port), "127.0.0.1");
