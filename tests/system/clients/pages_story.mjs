// Visits pages by the keyboard in Chromium, checks them by axe-core, and keeps their pictures.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { browse } from "./browser.mjs";

const [chromium, profile, url, axe, listed, pictures] = process.argv.slice(2);
const AXE = readFileSync(axe, "utf-8");
const VIEWS = { phone: { width: 390, scheme: "light" }, desktop: { width: 1280, scheme: "dark" } };
const KEYS = { Tab: { code: "Tab", windowsVirtualKeyCode: 9 }, Enter: { text: "\r" } };
const CONTROLS = 'input:not([type="hidden"]), button, a[href]';

async function story({ send, once }) {
  async function run(expression) {
    const options = { expression, awaitPromise: true, returnByValue: true };
    const { result, exceptionDetails } = await send("Runtime.evaluate", options);
    assert.ok(!exceptionDetails, JSON.stringify(exceptionDetails));
    return result.value;
  }

  async function press(key) {
    await send("Input.dispatchKeyEvent", { type: "keyDown", key, ...KEYS[key] });
    await send("Input.dispatchKeyEvent", { type: "keyUp", key, ...KEYS[key] });
  }

  async function open(path) {
    const loaded = once("Page.loadEventFired");
    await send("Page.navigate", { url: `${url}${path}` });
    await loaded;
  }

  // Tab reaches every control in the order of the document; the form's fields are typed on the way.
  async function type(name, form) {
    const controls = await run(`[...document.querySelectorAll('${CONTROLS}')].length`);
    for (let at = 0; at < controls; at++) {
      await press("Tab");
      const active = `[...document.querySelectorAll('${CONTROLS}')].indexOf(document.activeElement)`;
      assert.equal(await run(active), at, `${name}: focus`);
      const field = await run("document.activeElement.name ?? ''");
      if (form?.[field]) await send("Input.insertText", { text: form[field] });
      if (form && (await run("document.activeElement.type")) === "submit") return submit();
    }
  }

  async function submit() {
    const loaded = once("Page.loadEventFired");
    await press("Enter");
    await loaded;
  }

  async function check(name) {
    const found = await run(`axe.run().then(({ violations }) =>
      violations.map(({ id, nodes }) => id + ": " + nodes.map(({ html }) => html)))`);
    assert.deepEqual(found, [], name);
  }

  async function draw(name, width) {
    await run("document.activeElement.blur()");
    const clip = { x: 0, y: 0, width, height: await run("document.body.offsetHeight"), scale: 1 };
    const { data } = await send("Page.captureScreenshot", { clip, captureBeyondViewport: true });
    writeFileSync(`${pictures}/${name}.png`, data, "base64");
  }

  async function view(name, [label, { width, scheme }]) {
    const size = { width, height: 480, deviceScaleFactor: 1, mobile: label === "phone" };
    await send("Emulation.setDeviceMetricsOverride", size);
    assert.ok((await run("document.documentElement.scrollWidth")) <= width, `${name}: wide`);
    if (pictures) await draw(`${name}-${label}`, width);
    const features = [{ name: "prefers-color-scheme", value: scheme }];
    await send("Emulation.setEmulatedMedia", { features });
    await check(name);
    await send("Emulation.setEmulatedMedia", { features: [] });
  }

  await send("Page.enable");
  await send("Network.enable");
  for (const { name, path, language, form, stays } of JSON.parse(readFileSync(listed, "utf-8"))) {
    await send("Network.setExtraHTTPHeaders", { headers: { "Accept-Language": language } });
    await open(path);
    await type(name, form);
    await run(AXE);
    const isDone = form && !stays;
    assert.equal(await run("document.forms.length"), isDone ? 0 : 1, `${name}: forms`);
    assert.equal(await run("document.documentElement.lang"), language, name);
    for (const one of Object.entries(VIEWS)) await view(name, one);
  }
}

await browse(chromium, profile, "about:blank", story);
