// What people do on a bridge's page around the texts themselves, in Chromium windows at two real nodes:
// begin with a template, both at once and apart; write in a long text; search; see who looks where and who wrote what; move rows into folders; come as guests.
//
//   node page_home.mjs [--only NAME] [--seed S]

import { fork } from "node:child_process";

import { launch } from "./lib/browser.mjs";
import { formTeam, linked, needBinary, Node } from "./lib/nodes.mjs";
import { check, scenario, until } from "./lib/scenario.mjs";
import { ada, alan, Tab } from "./lib/tab.mjs";

const parts = { template, long, search, lines, authors, moving, guests };

await scenario({ only: { type: "string" } }, async (context) => {
  needBinary();
  const nodes = ["red", "green"].map((color) => new Node(context, color));
  await formTeam(nodes);
  const browser = await launch(context);
  for (const [name, part] of Object.entries(parts)) {
    if (context.args.only && context.args.only !== name) continue;
    const tabs = [await Tab.open(browser, ada), await Tab.open(browser, alan)];
    try {
      context.log(`${name}: ${await part({ context, browser, nodes, tabs })}`);
    } catch (error) {
      for (const [i, tab] of tabs.entries()) context.figure("screenshot", await tab.screenshot(`page_home-${name}-failed-${i}`));
      throw error;
    }
    for (const tab of tabs) {
      tab.checkQuiet();
      await tab.close();
    }
  }
  for (const node of nodes) await node.stop();
});

async function post(node, where, body) {
  const headers = { "content-type": "application/json" };
  const response = await fetch(`${node.bridge}/v1/${where}`, { method: "POST", headers, body: JSON.stringify(body) });
  const answer = await response.json();
  check(response.ok, `POST ${where} to be taken, not ${response.status}: ${JSON.stringify(answer)}`);
  return answer;
}

async function create([first, second], document) {
  const made = await post(first, "workspaces/demo/documents", document);
  await until("the other node lists it", async () => (await second.cli("doc", "list", "demo")).includes(document.path));
  return made.id;
}

function focused({ page }) {
  return until("the caret is in the text", () => page.evaluate(() => document.activeElement?.closest(".ProseMirror") !== null));
}

async function template({ nodes, tabs }) {
  await create(nodes, { path: "work/Monday plan", kind: "rich", template: "notes" });
  const state = () => nodes[0].stateVector("demo", "work/Monday plan");
  const before = await state();
  for (const [i, tab] of tabs.entries()) {
    await tab.goto(nodes[i].bridge, "demo", "work/Monday plan");
    await tab.becomes("connected");
    await focused(tab);
  }
  check((await state()) === before, "nothing to be written by who opens it");
  check((await tabs[0].text()).startsWith("Monday plan\nIdeas\n"), `the heading to be its name, not:\n${await tabs[0].text()}`);
  for (const node of nodes) await node.stop();
  for (const tab of tabs) await tab.becomes("offline");
  await Promise.all(tabs.map((tab) => tab.type(`words of ${tab.person.name}. `)));
  for (const node of nodes) await node.start();
  await linked(nodes);
  for (const tab of tabs) for (const { person } of tabs) await tab.shows(`words of ${person.name}. `);
  await until("both show the same", async () => (await tabs[0].text()) === (await tabs[1].text()));
  const lines = (await tabs[0].text()).split("\n");
  check(lines.length === 5 && lines[2].length === `words of ${ada.name}. words of ${alan.name}. `.length, `both in the first empty line, not:\n${lines.join("\n")}`);
  for (const tab of tabs) await tab.says("Saved");
  return "opening writes nothing; two who begin apart in its first empty line both have their words";
}

/** A hit of the search opens its document there. */
/** Blocks of a long text are shown in groups of 64, which nobody is to notice. */
async function long({ context, nodes, tabs }) {
  const id = await create(nodes, { path: "work/long", kind: "rich" });
  const filler = fork(new URL("lib/typing_crowd.mjs", import.meta.url), [nodes[0].bridge, id, "rich", "40000", "0"]);
  context.defer(() => filler.kill());
  await new Promise((resolve) => filler.once("message", resolve));
  filler.kill();
  const [first, second] = tabs;
  for (const [i, tab] of tabs.entries()) {
    await tab.goto(nodes[i].bridge, "demo", "work/long");
    await tab.becomes("connected");
    await until("the text is there", async () => (await tab.text()).length > 39_000);
  }
  const lines = async () => (await first.text()).split("\n");
  const press = async (...keys) => {
    for (const key of keys) await first.page.keyboard.press(key);
  };
  await first.focus();
  await press("Control+End");
  await first.type("the end");
  await press("Control+Home");
  await first.type("the start ");
  const block = (index) => first.page.locator(".ProseMirror > p").nth(index);
  for (const last of [63, 191]) {
    const blocks = (await lines()).length;
    await block(last).scrollIntoViewIfNeeded();
    await block(last).click();
    await first.page.waitForTimeout(150); // As after Tab.focus().
    await press("End", "Enter");
    await first.type("between");
    const at = (await lines()).findIndex((line) => line.startsWith("between"));
    check(at === last + 1, `a block to be made behind block ${last}, not at ${at}`);
    await press("Backspace", "Backspace", "Backspace", "Backspace", "Backspace", "Backspace", "Backspace", "Backspace");
    check((await lines()).length === blocks, "and to be taken away again");
    await press("Home", "Shift+ArrowDown", "Shift+ArrowDown", "Shift+ArrowDown");
    await first.type(`in place of what went over the border of ${last} `);
  }
  for (const tab of tabs) {
    for (const piece of ["the start ", "the end", "border of 63 ", "border of 191 "]) await tab.shows(piece);
  }
  await until("both show the same", async () => (await first.text()) === (await second.text()));
  for (const tab of tabs) await tab.says("Saved");
  return "in a long text one writes at its ends and over the borders of its groups as anywhere";
}

async function search({ context, nodes, tabs: [tab] }) {
  const [red] = nodes;
  const lines = Array.from({ length: 120 }, (_, i) => (i === 90 ? "  the needle it is about" : `line ${i + 1}`));
  await create(nodes, { path: "work/long.md", text: lines.join("\n") });
  await create(nodes, { path: "work/minutes", kind: "rich", template: "meeting" });
  const open = async (query) => {
    await tab.goto(red.bridge, "demo");
    await tab.page.getByLabel("Search documents").fill(query);
    await tab.page.getByRole("region", { name: "In the text" }).getByRole("link").first().click();
    await tab.loaded();
  };
  await open("Needle it is");
  await until("the hit is selected", async () => (await tab.page.locator("footer").textContent()).includes("Line 91, column 19"));
  await tab.shows("the needle it is about");
  check(!tab.page.url().includes("find="), "an address that can be passed on");
  context.figure("screenshot", await tab.screenshot("page_home-search-code"));
  await open("decisions");
  await until("the hit is selected", () => tab.page.evaluate(() => getSelection().toString() === "Decisions"));
  await tab.page.goBack();
  await tab.page.getByLabel("Search documents").waitFor();
  check((await tab.page.getByLabel("Search documents").inputValue()) === "decisions", "one step back to be the search");
  return "a hit opens its document with the words selected, code and rich text";
}

/** Who is in a text sees which lines the others look at. */
async function lines({ context, nodes, tabs }) {
  await create(nodes, { path: "work/lines.md", text: Array.from({ length: 300 }, (_, i) => `line ${i + 1}`).join("\n") });
  for (const [i, tab] of tabs.entries()) await tab.goto(nodes[i].bridge, "demo", "work/lines.md");
  const [first, second] = tabs;
  const panel = await second.panel("People");
  await panel.getByText(/Looks at lines 1 to \d+/).first().waitFor();
  await first.focus();
  await first.page.keyboard.press("Control+End");
  await until("the last lines are told", async () => /Looks at lines 2\d\d to 300/.test(await panel.textContent()));
  context.figure("screenshot", await second.screenshot("page_home-lines"));
  return "the lines that somebody looks at are told at the other node";
}

function offered({ page }) {
  return page.getByRole("button", { name: /^(Share|Invite|New)/ }).allTextContents();
}

/** What the node would refuse them is not offered to guests. */
async function guests({ context, browser, nodes, tabs }) {
  const [red] = nodes;
  const [host] = tabs;
  const id = await create(nodes, { path: "work/open.md", text: "For all.\n" });
  const { workspaces } = await (await fetch(`${red.bridge}/v1/status`)).json();
  const workspace = workspaces.find(({ name }) => name === "demo").id;
  await host.goto(red.bridge, "demo", "work/open.md");
  check((await offered(host)).length === 1, "the host to be offered to share");
  for (const [guest, wish] of Object.entries({ some: { role: "host", documents: [id] }, all: { role: "editor" }, reader: { role: "viewer" } })) {
    const { token } = await post(red, "tokens", { workspace, guest, name: guest, seconds: 3600, ...wish });
    const tab = await Tab.open(browser, alan);
    tabs.push(tab);
    await tab.goto(red.bridge, workspace, "work/open.md", { token });
    await tab.becomes("connected");
    check((await offered(tab)).length === 0, `${guest} not to be offered to share`);
    const panel = await tab.panel("People");
    await panel.getByText(/(person is|people are) here/).waitFor();
    await tab.page.keyboard.press("Control+k");
    const palette = tab.page.getByRole("dialog");
    await palette.getByRole("option", { name: /^Chat/ }).waitFor();
    check((await palette.getByRole("option", { name: /^Share/ }).count()) === 0, `${guest} to have no such command`);
    await tab.page.keyboard.press("Escape");
    await tab.page.goto(`${red.bridge}/#/${workspace}`);
    await tab.page.getByText("open.md").or(tab.page.getByText("work")).first().waitFor();
    check((await tab.page.getByRole("button", { name: "Invite" }).count()) === 0, `${guest} not to be offered to invite`);
    context.figure("screenshot", await tab.screenshot(`page_home-guests-${guest}`));
    const enabled = await tab.page.getByRole("button", { name: /^New/ }).first().isEnabled();
    check(enabled === (guest === "all"), `${guest} to be offered to make documents only where they may`);
  }
  return "guests are not offered to share or invite, nor to make what they may not";
}

/** Rich text coloured by its authors, at both nodes, while it is written. */
async function authors({ context, nodes, tabs }) {
  await create(nodes, { path: "work/talk", kind: "rich", template: "notes" });
  for (const [i, tab] of tabs.entries()) {
    await tab.goto(nodes[i].bridge, "demo", "work/talk");
    await tab.becomes("connected");
    await focused(tab);
  }
  const [first, second] = tabs;
  await first.type("Ada wrote this.");
  await second.shows("Ada wrote this.");
  await second.focus();
  await second.page.keyboard.press("Control+End");
  await second.type("Alan wrote that.");
  await first.shows("Alan wrote that.");
  for (const tab of tabs) {
    await tab.says("Saved");
    await tab.by("button", "Show who wrote what").click();
    await tab.page.getByRole("dialog").getByText("%").nth(1).waitFor();
    await tab.page.keyboard.press("Escape");
  }
  const written = (tab, by) => tab.page.locator(".ProseMirror [title]", { hasText: /wrote|begins/ }).evaluateAll(
    (pieces, title) => pieces.filter((one) => one.title === title).map((one) => one.textContent), `Written by ${by}`);
  for (const tab of tabs) {
    await until("each has their words", async () =>
      (await written(tab, "red")).join() === "Ada wrote this." && (await written(tab, "green")).join() === "Alan wrote that.");
  }
  // It goes on while somebody writes, and as the node says when it was asked again.
  await first.focus();
  await first.page.keyboard.press("End");
  await first.page.keyboard.press("Enter");
  await first.type("Ada begins.");
  for (const tab of tabs) await until("what is new is coloured, too", async () => (await written(tab, "red")).join() === "Ada wrote this.,Ada begins.");
  context.figure("screenshot", await second.screenshot("page_home-authors"));
  return "rich text is coloured by its authors, and follows while it is written";
}

/** Rows are dragged into folders; what is there with the mouse is there with keys. */
async function moving({ context, nodes, tabs: [tab] }) {
  const [red] = nodes;
  for (const path of ["from/a.md", "from/b.md", "from/c.md", "to/z.md"]) await create(nodes, { path, text: path });
  const { page } = tab;
  const row = (name) => page.getByRole("row", { name });
  const paths = async () => {
    const { documents } = await (await fetch(`${red.bridge}/v1/workspaces/demo/documents`)).json();
    return documents.map(({ path }) => path).filter((path) => /\b[a-cz]\.md$/.test(path)).sort().join();
  };
  const are = (...wanted) => until(`they are ${wanted}`, async () => (await paths()) === wanted.sort().join());
  await tab.goto(red.bridge, "demo/?folder=from%2F");
  await row("a.md").dragTo(page.getByRole("complementary").getByRole("link", { name: /^to/ }));
  await are("to/a.md", "from/b.md", "from/c.md", "to/z.md");
  await page.getByRole("button", { name: "Undo" }).click();
  await are("from/a.md", "from/b.md", "from/c.md", "to/z.md");
  // What is chosen goes along.
  await row("a.md").waitFor();
  await row("a.md").getByRole("checkbox").check();
  await row("b.md").getByRole("checkbox").check();
  await row("b.md").dragTo(page.getByRole("complementary").getByRole("link", { name: /^All documents/ }));
  await are("a.md", "b.md", "from/c.md", "to/z.md");
  await row("a.md").waitFor({ state: "detached" });
  await row("c.md").dragTo(page.getByRole("navigation", { name: "Folder", exact: true }).getByRole("link"));
  await are("a.md", "b.md", "c.md", "to/z.md");
  await tab.goto(red.bridge, "demo");
  const box = await row(/^Select to /).boundingBox();
  await row("a.md").hover();
  await page.mouse.down();
  await page.mouse.move(box.x + 200, box.y + 10, { steps: 4 });
  await page.mouse.move(box.x + 200, box.y + 20, { steps: 4 });
  await page.locator("[data-row][data-over]").waitFor();
  context.figure("screenshot", await tab.screenshot("page_home-moving"));
  await page.mouse.up();
  await are("to/a.md", "b.md", "c.md", "to/z.md");
  // By keys.
  await row("b.md").waitFor();
  await row("b.md").focus();
  await page.keyboard.press("Shift+F10");
  await page.getByRole("menuitem", { name: "Move to…" }).press("Enter");
  await page.getByRole("dialog").getByLabel("Folder").fill("to/");
  await page.keyboard.press("Enter");
  await are("to/a.md", "to/b.md", "c.md", "to/z.md");
  return "rows are dragged into folders of the list, the side and the way, and undone; keys do the same";
}
