// Signs in on the Swagger UI page, reloads it, and signs out.
import assert from "node:assert/strict";
import { JSDOM, VirtualConsole } from "jsdom";

const [url, username, password] = process.argv.slice(2);

async function until(found) {
  for (let tries = 0; tries < 4000; tries++) {
    const value = found();
    if (value) return value;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  assert.fail(`never: ${found}`);
}

// The service closes a connection over which no request comes for 10 s. On a busy machine the
// scripts of the page run longer, and Node sends nothing meanwhile: such a request is sent again.
async function request(target, options) {
  for (let tries = 0; ; tries++) {
    try {
      return await fetch(new URL(target, url), options);
    } catch (error) {
      if (tries === 10) throw error;
    }
  }
}

// What jsdom lacks is given by Node: fetch, and the answer to one media query.
async function open(kept, dark) {
  const dom = await JSDOM.fromURL(`${url}/docs`, {
    runScripts: "dangerously",
    resources: "usable",
    pretendToBeVisual: true,
    virtualConsole: new VirtualConsole(),
    beforeParse(window) {
      Object.assign(window, { Headers, Request, Response });
      window.fetch = request;
      window.matchMedia = () => ({ matches: dark, addEventListener() {} });
      Object.entries(kept).forEach(([name, value]) => window.sessionStorage.setItem(name, value));
    },
  });
  await until(() => dom.window.document.querySelector(".opblock"));
  return dom.window;
}

function type(window, selector, text) {
  const field = window.document.querySelector(selector);
  const { set } = Object.getOwnPropertyDescriptor(window.HTMLInputElement.prototype, "value");
  set.call(field, text);
  field.dispatchEvent(new window.Event("input", { bubbles: true }));
}

const button = (window, selector) => until(() => window.document.querySelector(selector));
const authorized = (window) => window.eval("ui").authSelectors.authorized()?.toJS() ?? {};

const first = await open({}, true);
assert.equal(first.document.documentElement.className, "dark-mode");
(await button(first, "button.authorize")).click();
await button(first, "#oauth_username");
type(first, "#oauth_username", username);
type(first, "#oauth_password", password);
(await button(first, ".auth.authorize")).click();
await until(() => authorized(first).password?.token);
const kept = { ...first.sessionStorage };
const token = authorized(first).password.token;
assert.ok(Object.values(kept).some((value) => value.includes(token.access_token)));
for (const secret of [password, token.refresh_token]) {
  assert.ok(!JSON.stringify(kept).includes(secret));
}
assert.deepEqual({ ...first.localStorage }, {});
assert.equal(first.document.cookie, "");
first.close();

const second = await open(kept, false);
assert.equal(second.document.documentElement.className, "");
await until(() => authorized(second).password?.token.access_token === token.access_token);
(await button(second, "button.authorize.locked")).click();
(await button(second, ".auth-btn-wrapper button:not(.btn-done)")).click();
await until(() => Object.keys(authorized(second)).length === 0);
assert.deepEqual({ ...second.sessionStorage }, {});
second.close();
