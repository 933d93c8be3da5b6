// How smooth typing stays in the page: from a key's event to the frame that shows it, in Chromium, in
// a document of a megabyte with twenty others typing in it, beside the same with nobody else there, and
// beside a page of stock libraries (stock/) at the same node.
//
//   node bench/page/typing.mjs [--kind code|rich] [--bytes N] [--others N] [--keys N] [--no-stock]

import { fork } from "node:child_process";
import path from "node:path";
import { fileURLToPath } from "node:url";

import { launch } from "../../tests/e2e/lib/browser.mjs";
import { formTeam, needBinary, Node } from "../../tests/e2e/lib/nodes.mjs";
import { check, scenario, sleep, until } from "../../tests/e2e/lib/scenario.mjs";
import { ada, Tab } from "../../tests/e2e/lib/tab.mjs";
import { showStock } from "./stock/page.mjs";

const here = path.dirname(fileURLToPath(import.meta.url));
const number = { type: "string", number: true };
/** Between two keys: a fast typist's pace. */
const keyEveryMs = 100;
/** A page that is too slow for the keys is not waited for. */
const measuredMaxMs = 40_000;

const quantile = (sorted, part) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))];

async function rest(node, method, where, body) {
  const response = await fetch(`${node.bridge}/v1/${where}`, {
    method,
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  check(response.ok, `${method} ${where}, not ${response.status}`);
  return response.json();
}

/** The others: stock clients in a process of their own. */
async function crowd(context, node, document, kind, bytes, others) {
  const child = fork(path.join(here, "../../tests/e2e/lib/typing_crowd.mjs"), [node.bridge, document, kind, String(bytes), String(others)]);
  context.defer(() => child.kill());
  await new Promise((resolve, reject) => {
    child.once("message", resolve);
    child.once("exit", (code) => reject(new Error(`the crowd ended with ${code}`)));
  });
  return child;
}

/** Times of all keys, in milliseconds. */
async function measure(page, keys) {
  await page.evaluate(() => {
    globalThis.times = [];
    addEventListener(
      "keydown",
      ({ timeStamp }) =>
        // The frame that the key's work is in, and then the first task after it was painted.
        requestAnimationFrame(() => {
          const { port1, port2 } = new MessageChannel();
          port1.onmessage = () => globalThis.times.push(performance.now() - timeStamp);
          port2.postMessage(null);
        }),
      { capture: true },
    );
  });
  const until = Date.now() + measuredMaxMs;
  let pressed = 0;
  for (; pressed < keys && Date.now() < until; ++pressed) {
    const i = pressed;
    await page.keyboard.press("abcdefghij "[i % 11] === " " ? "Space" : "abcdefghij"[i % 11]);
    await sleep(keyEveryMs);
  }
  const times = await page.evaluate(() => globalThis.times);
  check(times.length >= pressed * 0.9, `${pressed} keys to be timed, not ${times.length}`);
  return times.sort((a, b) => a - b);
}

async function openPage(browser, bridge, { name }) {
  const tab = await Tab.open(browser, ada);
  await tab.goto(bridge, "demo", name);
  await tab.becomes("connected");
  await until("the page shows the text", async () => (await tab.text()).length > 100, { timeoutMs: 60_000 });
  await tab.focus();
  const close = async () => {
    tab.checkQuiet();
    await tab.close();
  };
  return { page: tab.page, close };
}

async function openStock(browser, bridge, { id, kind }) {
  const page = await browser.newPage({ bypassCSP: true, viewport: { width: 1180, height: 740 } });
  const shown = await showStock(page, bridge, "demo", id, kind);
  return { page: shown ? page : null, close: () => page.close() };
}

await scenario({ "no-stock": { type: "boolean" }, kind: { type: "string" }, bytes: number, others: number, keys: number }, async (context) => {
  needBinary();
  const { kind = "code", bytes = 1_000_000, others = 20, keys = 200 } = context.args;
  const nodes = ["red", "green"].map((color) => new Node(context, color));
  await formTeam(nodes);
  const name = kind === "rich" ? "large" : "large.txt";
  const { id } = await rest(nodes[0], "POST", "workspaces/demo/documents", { path: name, kind });
  await until("the other node has it", async () => (await nodes[1].cli("doc", "list", "demo")).includes(name));
  const browser = await launch(context);
  const rows = [];
  for (const { count, stock } of [{ count: 0 }, { count: others }, ...(context.args["no-stock"] ? [] : [{ count: others, stock: true }])]) {
    const child = await crowd(context, nodes[1], id, kind, rows.length === 0 ? bytes : 0, count);
    const open = stock ? openStock : openPage;
    const label = `${stock ? "stock libraries" : "the page"}, ${count} others`;
    const { page, close } = await open(browser, nodes[0].bridge, { id, name, kind });
    if (page) {
      await sleep(2000);
      rows.push({ label, times: await measure(page, keys) });
    } else {
      rows.push({ label, times: [] });
    }
    await close();
    child.kill();
  }
  for (const { label, times } of rows) {
    if (times.length === 0) {
      context.figure(`${kind}, ${(bytes / 1e6).toFixed(1)} MB, ${label}`, "nothing could be typed within 60 s");
      continue;
    }
    const shown = [0.5, 0.95, 0.99].map((part) => quantile(times, part).toFixed(1));
    context.figure(`${kind}, ${(bytes / 1e6).toFixed(1)} MB, ${label}`, `median ${shown[0]}, p95 ${shown[1]}, p99 ${shown[2]} ms (${times.length} keys)`);
  }
  const [, ours, theirs] = rows;
  if (theirs?.times.length > 0) {
    const ratio = (part) => (quantile(ours.times, part) / quantile(theirs.times, part)).toFixed(2);
    context.figure("the page / stock libraries", `median ${ratio(0.5)}, p95 ${ratio(0.95)}`);
  }
  for (const node of nodes) await node.stop();
});
