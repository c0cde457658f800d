// Opens Swagger UI in Chromium as a phone with a dark color scheme: nothing is wider than the screen.
import assert from "node:assert/strict";
import { browse } from "./browser.mjs";

const [chromium, profile, url] = process.argv.slice(2);
const WIDTH = 390;

async function story({ send }) {
  async function run(expression) {
    const options = { expression, awaitPromise: true, returnByValue: true };
    const { result, exceptionDetails } = await send("Runtime.evaluate", options);
    assert.ok(!exceptionDetails, JSON.stringify(exceptionDetails));
    return result.value;
  }

  async function until(expression) {
    for (let tries = 0; tries < 4000; tries++) {
      if (await run(`Boolean(${expression})`)) return;
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
    assert.fail(`never: ${expression}`);
  }

  async function fits(part) {
    assert.ok((await run("document.documentElement.scrollWidth")) <= WIDTH, `${part} is too wide`);
  }

  await send("Page.enable");
  const size = { width: WIDTH, height: 844, deviceScaleFactor: 1, mobile: true };
  await send("Emulation.setDeviceMetricsOverride", size);
  const features = [{ name: "prefers-color-scheme", value: "dark" }];
  await send("Emulation.setEmulatedMedia", { features });
  await send("Page.navigate", { url: `${url}/docs` });
  await until("document.querySelector('.opblock')");
  await fits("the list of operations");
  const color = await run("getComputedStyle(document.documentElement).backgroundColor");
  const [, red, green, blue] = color.match(/^rgb\((\d+), (\d+), (\d+)\)$/) ?? [];
  assert.ok(Math.max(red, green, blue) < 64, `the background is not dark: ${color}`);
  await run("document.querySelector('#operations-items-createItem .opblock-summary-control').click()");
  await until("document.querySelector('#operations-items-createItem .responses-table')");
  await fits("an operation");
  await run("document.querySelector('button.authorize').click()");
  await until("document.querySelector('#oauth_username')");
  await fits("the dialog to sign in");
}

await browse(chromium, profile, "about:blank", story);
