// The editors that people use with Yjs, from npm and unchanged, in Chromium: CodeMirror, ProseMirror
// and TipTap, each with two people at the bridges of two nodes, one by y-websocket and one by
// Hocuspocus, y-indexeddb beside both. They type at once, format, see each other's cursors; one goes
// offline, types on, closes the tab while the node is down and finds everything again. In the end
// there is no difference. (Monaco, with the page's own binding: page.mjs.)
//
//   node editors.mjs [--rounds N] [--editor NAME] [--seed S]

import path from "node:path";

import { build } from "esbuild";

import { launch } from "./lib/browser.mjs";
import { formTeam, linked, needBinary, Node } from "./lib/nodes.mjs";
import { check, root, scenario, until } from "./lib/scenario.mjs";

const editors = ["codemirror", "prosemirror", "tiptap"];
const protocols = ["sync", "hocuspocus"];
const people = [
  { name: "Ada", color: "#1d4ed8" },
  { name: "Alan", color: "#be123c" },
];

const html = `<!doctype html><meta charset="utf-8"><title>editors</title>
<style>#editor { white-space: pre-wrap }</style>
<div id="editor"></div><script src="/editors/page.js"></script>`;

/** One person's page; the node serves its WebSocket, the test the page itself, as of the same origin. */
class Writer {
  complaints = [];

  static async open(browser, script, node, person, options) {
    const self = new Writer();
    self.name = person.name;
    // A page that the test serves has no address, so Chromium takes it for one of elsewhere.
    self.context = await browser.newContext({ permissions: ["local-network-access"] });
    await self.context.route(`${node.bridge}/editors/**`, (route) =>
      route.request().url().endsWith(".js")
        ? route.fulfill({ contentType: "text/javascript", body: script })
        : route.fulfill({ contentType: "text/html", body: html }),
    );
    self.page = await self.context.newPage();
    self.page.on("pageerror", (error) => self.complaints.push(error.stack || error.message));
    self.url = `${node.bridge}/editors/page.html#${new URLSearchParams({ ...options, ...person })}`;
    await self.load();
    return self;
  }

  async load() {
    await (this.page.url() === this.url ? this.page.reload() : this.page.goto(this.url));
    await this.page.evaluate(() => globalThis.page.stored.then(() => globalThis.page.focus()));
    // ProseMirror puts the caret where it was a moment after: sooner than a person presses a key.
    await this.page.waitForTimeout(200);
  }

  get = (what) => this.page.evaluate((name) => globalThis.page[name](), what);

  synced() {
    return until(`${this.name} is synced`, () => this.get("synced"));
  }

  /** Resolves once all of it is typed. */
  async type(lines) {
    for (const line of lines) {
      // At the speed of people: y-prosemirror loses keys that fall between a change of others and its
      // next look at the DOM, on a busy machine one in some hundred.
      await this.page.keyboard.type(line, { delay: 25 });
      await this.page.keyboard.press("Enter");
    }
  }
}

await scenario({ rounds: { type: "string", number: true }, editor: { type: "string" } }, async (context) => {
  needBinary();
  const browser = await launch(context);
  const bundle = await build({
    entryPoints: [path.join(root, "tests/e2e/lib/editors_page.mjs")],
    bundle: true,
    write: false,
    format: "iife",
    logLevel: "error",
  });
  const script = bundle.outputFiles[0].text;
  const nodes = ["red", "green"].map((color) => new Node(context, color));
  await formTeam(nodes);
  for (const editor of context.args.editor ? [context.args.editor] : editors) {
    for (let round = 0; round < (context.args.rounds ?? 1); ++round) {
      // Each protocol has each node once.
      const order = (round + editors.indexOf(editor)) % 2 ? protocols.toReversed() : protocols;
      await write(context, browser, script, nodes, editor, order, `editors/${editor}-${round}`);
    }
  }
  for (const node of nodes) node.reportUsage();
  for (const node of nodes) await node.stop();
});

async function write(context, browser, script, nodes, editor, order, document) {
  const writers = [];
  for (const [i, person] of people.entries()) {
    const options = { editor, protocol: order[i], document: `demo/${document}` };
    writers.push(await Writer.open(browser, script, nodes[i], person, options));
  }
  const [ada, alan] = writers;
  for (const writer of writers) await writer.synced();
  const same = async (...texts) => {
    let held;
    await until(`both show what both wrote in ${editor}`, async () => {
      held = await Promise.all(writers.map((one) => one.get("held")));
      const shown = await Promise.all(writers.map((one) => one.get("shown")));
      return held[0] === held[1] && shown[0] === shown[1] && texts.every((text) => shown[0].includes(text));
    }).catch((error) => {
      throw new Error(`${error.message}: ${held.join("\n")}`);
    });
    return held[0];
  };

  await ada.type(["The beginning."]);
  await same("The beginning.");
  await ada.page.keyboard.press("Control+Home");
  await alan.page.keyboard.press("Control+End");
  await Promise.all([
    ada.type(["Ada writes above,", "line by line,", "as fast as she can."]),
    alan.type(["Alan writes below,", "at the same time,", "and as fast."]),
  ]);
  await same("Ada writes above,", "line by line,", "as fast as she can.", "Alan writes below,", "and as fast.");
  for (const [one, other] of [[ada, alan], [alan, ada]]) {
    await until(`${one.name} sees the cursor of ${other.name}`, async () => (await one.get("flags")).includes(other.name));
  }
  if (editor !== "codemirror") {
    // The editor hears of the selection a moment later: a busy browser is asked again.
    await until("it is bold for the other", async () => {
      await alan.page.keyboard.press("Shift+Control+Home");
      await alan.page.waitForTimeout(200);
      await alan.page.keyboard.press("Control+b");
      await alan.page.keyboard.press("Control+End");
      return until("it is bold", async () => /strong|bold/.test(await ada.get("held")), { timeoutMs: 3000 });
    });
  }

  // One takes a while off, and types on.
  await alan.get("disconnect");
  await until("who is offline has no cursor", async () => !(await ada.get("flags")).includes("Alan"));
  await Promise.all([ada.type(["While he is away."]), alan.type(["While I am away."])]);
  await alan.get("connect");
  await same("While he is away.", "While I am away.");

  // The node dies, the tab is closed: what was typed is in the browser's own store.
  await nodes[0].kill9();
  await ada.type(["Without a node."]);
  const before = await ada.get("shown");
  await until("all of it is in the browser's store", async () => {
    await ada.load();
    return (await ada.get("shown")) === before;
  });
  await ada.page.keyboard.press("Control+End");
  // It hears of the caret a moment later, too.
  await ada.page.waitForTimeout(200);
  await ada.type(["After a reload."]);
  await alan.type(["Meanwhile, elsewhere."]);
  await nodes[0].start();
  await linked(nodes);
  await ada.synced();
  const held = await same("Without a node.", "After a reload.", "Meanwhile, elsewhere.");

  // Undo takes back one's own last words only.
  await alan.type(["Stays."]);
  await same("Stays.");
  await ada.page.keyboard.type("Goes.");
  await same("Goes.");
  await ada.page.keyboard.press("Control+z");
  await until("what was undone is gone for both", async () =>
    (await Promise.all(writers.map((one) => one.get("shown")))).every((text) => !text.includes("Goes.")));
  await same("Stays.");
  for (const writer of writers) {
    check(writer.complaints.length === 0, `no complaints in the console, not:\n${writer.complaints.join("\n")}`);
    await writer.context.close();
  }
  context.log(`${editor}, ${order.join(" and ")}: 0 differences (${held.length} characters), cursors seen, offline and reload survived`);
}
