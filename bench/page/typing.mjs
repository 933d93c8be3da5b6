// How smooth typing stays in the page: from a key's event to the frame that shows it, in Chromium, in
// a document of a megabyte with twenty others typing in it, beside the same with nobody else there.
//
//   node bench/page/typing.mjs [--kind code|rich] [--bytes N] [--others N] [--keys N]

import { fork } from "node:child_process";
import path from "node:path";
import { fileURLToPath } from "node:url";

import { launch } from "../../tests/e2e/lib/browser.mjs";
import { formTeam, needBinary, Node } from "../../tests/e2e/lib/nodes.mjs";
import { check, scenario, sleep, until } from "../../tests/e2e/lib/scenario.mjs";
import { ada, Tab } from "../../tests/e2e/lib/tab.mjs";

const here = path.dirname(fileURLToPath(import.meta.url));
const number = { type: "string", number: true };
/** Between two keys: a fast typist's pace. */
const keyEveryMs = 100;

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
async function measure(tab, keys) {
  await tab.page.evaluate(() => {
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
  for (let i = 0; i < keys; ++i) {
    await tab.page.keyboard.press("abcdefghij "[i % 11] === " " ? "Space" : "abcdefghij"[i % 11]);
    await sleep(keyEveryMs);
  }
  const times = await tab.page.evaluate(() => globalThis.times);
  check(times.length >= keys * 0.9, `${keys} keys to be timed, not ${times.length}`);
  return times.sort((a, b) => a - b);
}

await scenario({ kind: { type: "string" }, bytes: number, others: number, keys: number }, async (context) => {
  needBinary();
  const { kind = "code", bytes = 1_000_000, others = 20, keys = 200 } = context.args;
  const nodes = ["red", "green"].map((color) => new Node(context, color));
  await formTeam(nodes);
  const name = kind === "rich" ? "large" : "large.txt";
  const { id } = await rest(nodes[0], "POST", "workspaces/demo/documents", { path: name, kind });
  await until("the other node has it", async () => (await nodes[1].cli("doc", "list", "demo")).includes(name));
  const browser = await launch(context);
  const rows = [];
  for (const count of [0, others]) {
    const child = await crowd(context, nodes[1], id, kind, count === 0 ? bytes : 0, count);
    const tab = await Tab.open(browser, ada);
    await tab.goto(nodes[0].bridge, "demo", name).catch(async (error) => {
      await tab.screenshot("typing-failed");
      throw error;
    });
    await tab.becomes("connected");
    await until("the page shows the text", async () => (await tab.text()).length > 100, { timeoutMs: 60_000 });
    await tab.focus();
    await sleep(2000);
    const times = await measure(tab, keys);
    rows.push({ count, times });
    tab.checkQuiet();
    await tab.close();
    child.kill();
  }
  for (const { count, times } of rows) {
    const shown = [0.5, 0.95, 0.99].map((part) => quantile(times, part).toFixed(1));
    context.figure(`${kind}, ${(bytes / 1e6).toFixed(1)} MB, ${count} others`, `median ${shown[0]}, p95 ${shown[1]}, p99 ${shown[2]} ms`);
  }
  for (const node of nodes) await node.stop();
});
