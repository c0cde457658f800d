// Chromium without a window, driven by its DevTools protocol.
import { spawn } from "node:child_process";

const FLAGS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0"];

function listening(browser) {
  let text = "";
  return new Promise((resolve, reject) => {
    browser.stderr.on("data", (part) => {
      text += part;
      const found = text.match(/listening on (ws:\S+)/);
      if (found) resolve(new URL(found[1]));
    });
    browser.on("exit", () => reject(new Error(text)));
  });
}

async function connect(address) {
  const socket = new WebSocket(address);
  await new Promise((resolve) => socket.addEventListener("open", resolve));
  const waiting = new Map();
  const listeners = new Map();
  socket.addEventListener("message", ({ data }) => {
    const { id, result, error, method } = JSON.parse(data);
    const [resolve, reject] = waiting.get(id) ?? [];
    if (error) reject?.(new Error(error.message));
    else resolve?.(result);
    listeners.get(method)?.();
  });
  let last = 0;
  const send = (method, params = {}) =>
    new Promise((resolve, reject) => {
      waiting.set(++last, [resolve, reject]);
      socket.send(JSON.stringify({ id: last, method, params }));
    });
  const once = (method) => new Promise((resolve) => listeners.set(method, resolve));
  return { send, once };
}

// Opens a page and passes `story` what sends commands to it, and what waits for its next event.
export async function browse(chromium, profile, page, story) {
  const browser = spawn(chromium, [...FLAGS, `--user-data-dir=${profile}`, "about:blank"]);
  try {
    const { host } = await listening(browser);
    const target = await fetch(`http://${host}/json/new?${page}`, { method: "PUT" });
    await story(await connect((await target.json()).webSocketDebuggerUrl));
  } finally {
    browser.kill();
  }
}
