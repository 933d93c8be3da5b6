// What people do on a bridge's page, in Chromium windows at two real nodes, once on code and once on
// rich text: two type as fast as they can at one place, see each other's cursors, lose roles, reload
// without a network, close tabs, and go on while the node is killed, the laptop sleeps, or WebSockets
// are blocked. Nothing is overwritten, nothing is lost. Screenshots go to build/artifacts.
//
//   node page.mjs [--kind code|rich] [--asleep SECONDS] [--seed S]

import { launch } from "./lib/browser.mjs";
import { formTeam, linked, needBinary, Node } from "./lib/nodes.mjs";
import { check, scenario, sleep, until } from "./lib/scenario.mjs";
import { ada, alan, Tab } from "./lib/tab.mjs";

const kinds = { code: { path: "work/plan.ts", kind: "code" }, rich: { path: "work/talk", kind: "rich" } };

await scenario({ kind: { type: "string" }, asleep: { type: "string", number: true } }, async (context) => {
  needBinary();
  const nodes = ["red", "green"].map((color) => new Node(context, color));
  await formTeam(nodes);
  const browser = await launch(context);
  for (const name of context.args.kind ? [context.args.kind] : Object.keys(kinds)) {
    await onKind(context, browser, nodes, name);
  }
  for (const node of nodes) node.reportUsage();
  for (const node of nodes) await node.stop();
});

async function onKind(context, browser, nodes, name) {
  const { path, kind } = kinds[name];
  await create(nodes, path, kind);
  const tabs = [await Tab.open(browser, ada), await Tab.open(browser, alan, { colorScheme: "dark" })];
  for (const [i, tab] of tabs.entries()) {
    await tab.goto(nodes[i].bridge, "demo", path);
    await tab.becomes("connected");
    check(tab.rich === (kind === "rich"), `${path} to open as ${kind}`);
  }
  const done = (what) => context.log(`${name}: ${what}`);
  try {
    await sameplace(tabs);
    done("two type at one place as fast as they can: nothing overwritten, no cursor jumps");
    await cursors(context, tabs, name);
    done("each sees the other's cursor, name and selection");
    await undo(tabs);
    done("undo takes back what one wrote oneself, shows where, and leaves the other's words");
    await chat(tabs, nodes);
    done("they chat, answer, react, and see what is unread and who types");
    await comments(tabs);
    done("comments keep to their text; they are answered, resolved; a suggestion is accepted");
    await versions(context, tabs, name);
    done("a version is named, compared with now and restored; nothing of the others is lost by it");
    await roles(tabs, nodes);
    done("a viewer is told why nothing can be typed, at once, and an editor again");
    await reload(tabs, nodes);
    done("offline: edits wait, a reload without a network shows them, they merge");
    await killed(tabs, nodes);
    done("kill -9 of the bridge under the hands of who types: all of it arrives");
    await asleep(context, tabs);
    done("a laptop that slept catches up, and what was typed before it slept is there");
    await closing(browser, tabs, nodes, path);
    done("a closed tab is gone from the others' screens");
    await blocked(browser, tabs, nodes, path);
    done("with WebSockets blocked it says so, and both still see what the other writes");
  } catch (error) {
    for (const [i, tab] of tabs.entries()) context.figure("screenshot", await tab.screenshot(`page-${name}-failed-${i}`));
    throw error;
  }
  for (const tab of tabs) {
    tab.checkQuiet();
    await tab.close();
  }
}

async function create(nodes, path, kind) {
  const response = await fetch(`${nodes[0].bridge}/v1/workspaces/demo/documents`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ path, kind }),
  });
  check(response.ok, `${path} to be made, not ${response.status}`);
  await until("the other node lists it", async () => (await nodes[1].cli("doc", "list", "demo")).includes(path));
  return (await response.json()).id;
}

async function same(tabs, ...pieces) {
  for (const tab of tabs) for (const piece of pieces) await tab.shows(piece);
  await until("both show the same", async () => (await tabs[0].text()) === (await tabs[1].text()));
}

/**
 * Both carets between the same two characters; each types on. Whose caret is moved by the other's
 * letters tears words apart.
 */
async function sameplace(tabs) {
  const [first, second] = tabs;
  await first.focus();
  await first.type("begin end");
  await same(tabs, "begin end");
  for (const tab of tabs) {
    await tab.focus();
    await tab.page.keyboard.press("Control+Home");
    for (let i = 0; i < "begin ".length; ++i) await tab.page.keyboard.press("ArrowRight");
  }
  const lines = ["the quick brown fox jumps over the lazy dog. ", "pack my box with five dozen liquor jugs. "];
  const written = lines.map((line) => line.repeat(3));
  await Promise.all(tabs.map((tab, i) => tab.type(written[i], 15)));
  await same(tabs, ...written, "begin", "end");
  const text = await first.text();
  check(text.length === "begin end".length + written.join("").length, `every letter once, not:\n${text}`);
  for (const tab of tabs) await tab.says("Saved");
}

async function cursors(context, tabs, name) {
  const [first, second] = tabs;
  await second.page.keyboard.press("Control+End");
  await first.page.keyboard.press("Control+Home");
  for (let i = 0; i < 5; ++i) await first.page.keyboard.press("Shift+ArrowRight");
  await second.page.keyboard.press("ArrowLeft");
  await until("each sees the other's name", async () =>
    (await first.flags()).join() === alan.name && (await second.flags()).join() === ada.name);
  await until("the selection is drawn for the other", async () => (await second.selections()) > 0);
  context.figure("screenshot", await second.screenshot(`page-${name}-cursors`));
  await first.page.keyboard.press("Control+Home");
}

async function undo(tabs) {
  const [first, second] = tabs;
  for (const tab of tabs) await tab.focus();
  await first.page.keyboard.press("Control+End");
  await first.type(" mine");
  await same(tabs, " mine");
  await second.page.keyboard.press("Control+Home");
  await second.type("yours ");
  await same(tabs, "yours ");
  await first.page.keyboard.press("Control+Home");
  await first.page.keyboard.press("Control+z");
  await until("what one wrote is gone", async () => !(await first.text()).includes(" mine"));
  await first.type(" again");
  await same(tabs, "yours ", " again");
  check((await first.text()).endsWith(" again"), "the caret to be where something was taken back");
  await first.page.keyboard.press("Control+z");
  await until("it is gone, too", async () => !(await first.text()).includes(" again"));
  await first.page.keyboard.press("Control+Shift+z");
  await same(tabs, "yours ", " again");
}

async function chat(tabs, [red]) {
  const [first, second] = tabs;
  const [firsts, seconds] = [await first.panel("Chat"), await second.panel("Chat")];
  const say = async (tab, panel, text) => {
    await panel.getByRole("textbox", { name: "Message" }).fill(text);
    await tab.page.keyboard.press("Enter");
  };
  await say(first, firsts, "Shall we begin, @green?");
  const shown = seconds.locator("p", { hasText: "Shall we begin," });
  await shown.waitFor();
  await shown.hover();
  await seconds.getByRole("button", { name: "Reply" }).first().click();
  await say(second, seconds, "Gladly.");
  await firsts.locator("p", { hasText: "Gladly." }).waitFor();
  await firsts.locator("p", { hasText: "Gladly." }).hover();
  await firsts.getByRole("button", { name: "Add a reaction" }).last().click();
  await first.page.getByRole("button", { name: "👍" }).first().click();
  await seconds.getByRole("button", { name: /👍/ }).first().waitFor();
  await until("the other is told who types", async () => {
    await firsts.getByRole("textbox", { name: "Message" }).pressSequentially("m");
    return (await seconds.textContent()).includes("Ada Lovelace is typing");
  });
  await firsts.getByRole("textbox", { name: "Message" }).fill("");
  await second.by("button", "Close the panel").click();
  await say(first, firsts, "Are you there?");
  await second.page.locator('header button[aria-label="Chat, 1"]').waitFor();
  await second.panel("Chat");
  await second.page.locator('header button[aria-label="Chat"]').waitFor();
  check((await red.cli("chat", "demo", kinds[first.rich ? "rich" : "code"].path)).includes("Are you there?"), "the node to hold what was said");
  for (const tab of tabs) await tab.by("button", "Close the panel").click();
}

/** Selects `word` from the left, as the caret is before it. */
async function select({ page }, letters) {
  for (let i = 0; i < letters; ++i) await page.keyboard.press("Shift+ArrowRight");
}

async function comments(tabs) {
  const [first, second] = tabs;
  await first.focus();
  await first.page.keyboard.press("Control+End");
  await first.page.keyboard.press("Enter");
  await first.type("colour and shape");
  await same(tabs, "colour and shape");
  await first.page.keyboard.press("Home");
  await select(first, "colour".length);
  await first.page.keyboard.press("Control+Alt+m");
  const draft = first.page.getByPlaceholder("Write a comment");
  await draft.fill("Which one?");
  await first.page.getByRole("button", { name: "Comment", exact: true }).last().click();
  const panel = await second.panel("Comments");
  await panel.getByText("Which one?").waitFor();
  await second.page.locator(second.rich ? ".ProseMirror [data-anchor], .ProseMirror [class*=anchor]" : ".comment-open, .comment-active").first().waitFor({ state: "attached" });

  // The text before it grows: the comment stays with its words.
  await first.focus();
  await first.page.keyboard.press("Home");
  await first.type("the ");
  await second.shows("the colour and shape");

  await panel.getByText("Which one?").click();
  await panel.getByPlaceholder("Write a reply").fill("The blue one.");
  await panel.getByPlaceholder("Write a reply").press("Enter");
  const firsts = await first.panel("Comments");
  await until("the reply is shown to the other", async () => {
    await firsts.getByText("Which one?").click();
    return firsts.getByText("The blue one.").isVisible();
  });
  await panel.getByRole("button", { name: "Resolve", exact: true }).first().click();
  await until("it is resolved for both", async () =>
    (await Promise.all([firsts, panel].map((one) => one.textContent()))).every((text) => /Resolved\s*1/.test(text)));

  // A suggestion.
  await second.focus();
  await second.page.keyboard.press("Control+End");
  await second.page.keyboard.press("Home");
  for (let i = 0; i < "the ".length; ++i) await second.page.keyboard.press("ArrowRight");
  await select(second, "colour".length);
  await second.page.getByRole("button", { name: "Suggest a change" }).click();
  await second.page.getByLabel("What should stand there instead").fill("color");
  await second.page.getByRole("button", { name: "Suggest", exact: true }).click();
  await firsts.getByRole("button", { name: "Accept" }).click();
  await same(tabs, "the color and shape");
  for (const tab of tabs) await tab.by("button", "Close the panel").click();
}

async function versions(context, tabs, name) {
  const [first, second] = tabs;
  const panel = await first.panel("Version history");
  await panel.getByRole("button", { name: /^More for/ }).first().click();
  await first.page.getByRole("menuitem", { name: /Name this version/ }).click();
  await first.page.getByLabel("Name", { exact: true }).fill("Before the mishap");
  await first.page.getByRole("button", { name: "Save" }).click();
  await panel.getByText("Before the mishap").waitFor();
  const before = await first.text();
  const menuOf = async () => {
    // While it is, it cannot be compared with what is now.
    await until("it is no longer the current one", async () => !/Before the mishap\s*Current/.test(await panel.textContent()));
    await panel.getByText("Before the mishap").hover();
    await panel.getByRole("button", { name: /^More for .*Before the mishap/ }).click();
  };

  await second.focus();
  await second.page.keyboard.press("Control+Home");
  for (let i = 0; i < "begin".length; ++i) await second.page.keyboard.press("Delete");
  await second.type("a mishap, and then ");
  await same(tabs, "a mishap, and then ");

  await menuOf();
  await first.page.getByRole("menuitem", { name: "Compare with now" }).click();
  const region = first.page.getByRole("region", { name: "Version of the document" });
  await until("both versions are shown", async () => {
    const shown = (await region.textContent()).replace(/\u00a0/g, " ");
    return shown.includes("a mishap, and then") && shown.includes("begin");
  });
  context.figure("screenshot", await first.screenshot(`page-${name}-compare`));
  await first.page.getByRole("button", { name: "Back to now" }).click();

  await menuOf();
  await first.page.getByRole("menuitem", { name: /^Restore/ }).click();
  await first.page.getByRole("dialog").getByRole("button", { name: "Restore", exact: true }).click();
  await until("it is as it was for both", async () => (await first.text()) === before && (await second.text()) === before);
  await first.by("button", "Close the panel").click();
}

async function roles([, second], [red]) {
  const before = await second.text();
  await red.cli("role", "demo", "green", "viewer");
  await until("the page says that it is view only", async () =>
    (await second.page.locator("header").textContent()).includes("View only"));
  await until("it says why", async () => (await second.page.getByRole("status").allTextContents()).join().includes("You may read here"));
  await second.focus();
  await second.type("not mine");
  await sleep(500);
  check((await second.text()) === before, "nothing to be typed by a viewer");
  await red.cli("role", "demo", "green", "editor");
  await second.says("Saved");
  await second.focus();
  await second.page.keyboard.press("Control+End");
  await second.type(" mine again");
  await second.shows("mine again");
}

async function reload(tabs, nodes) {
  const [first, second] = tabs;
  await until("the page is kept for later", () => first.page.evaluate(async () => (await navigator.serviceWorker.ready).active?.state === "activated"));
  await until("all of it is", () => first.page.evaluate(async () => (await caches.keys()).length > 0));
  await first.context.setOffline(true);
  await nodes[0].stop();
  await first.becomes("offline");
  await first.focus();
  await first.page.keyboard.press("Control+End");
  await first.type(" offline words");
  await first.says("wait");
  await second.focus();
  await second.page.keyboard.press("Control+Home");
  await second.type("meanwhile ");
  await sleep(500); // For the browser's store.
  await first.page.reload();
  await first.loaded();
  await first.shows("offline words");
  await first.says("wait");
  await nodes[0].start();
  await linked(nodes);
  await first.context.setOffline(false);
  await first.becomes("connected");
  await same(tabs, "offline words", "meanwhile ");
  await first.says("Saved");
}

async function killed(tabs, nodes) {
  const [first] = tabs;
  await first.focus();
  await first.page.keyboard.press("Control+End");
  const typing = first.type(" typed while the node was killed and came back", 40);
  await sleep(600);
  await nodes[0].kill9();
  await typing;
  await nodes[0].start();
  await linked(nodes);
  await first.becomes("connected");
  await same(tabs, "typed while the node was killed and came back");
  await first.says("Saved");
}

/** The page's timers and sockets stand still, as when a lid is closed. */
async function asleep(context, tabs) {
  const [first, second] = tabs;
  await first.type(" before sleep");
  const session = await first.context.newCDPSession(first.page);
  await session.send("Page.enable");
  await session.send("Page.setWebLifecycleState", { state: "frozen" });
  await first.context.setOffline(true);
  await second.focus();
  await second.page.keyboard.press("Control+Home");
  await second.type("while it slept ");
  await sleep((context.args.asleep ?? 32) * 1000);
  await first.context.setOffline(false);
  await session.send("Page.setWebLifecycleState", { state: "active" });
  await session.detach();
  await first.becomes("connected");
  await same(tabs, "before sleep", "while it slept ");
  await first.focus();
  await first.page.keyboard.press("Control+End");
  await first.type(" awake");
  await same(tabs, "awake");
}

async function idOf(node, path) {
  const { documents } = await (await fetch(`${node.bridge}/v1/workspaces/demo/documents`)).json();
  return documents.find((one) => one.path === path).id;
}

async function closing(browser, [, second], nodes, path) {
  const third = await Tab.open(browser, { name: "Grace Hopper", color: "#047857" });
  await third.goto(nodes[0].bridge, "demo", path);
  await third.becomes("connected");
  await third.focus();
  await third.page.keyboard.press("Control+End");
  await until("the third is seen", async () => (await second.flags()).includes("Grace Hopper"));
  const started = performance.now();
  await third.close();
  await until("the third is gone", async () => !(await second.flags()).includes("Grace Hopper"), { everyMs: 20 });
  check(performance.now() - started < 5000, "a closed tab to be gone within 5 s");
  const id = await idOf(nodes[1], path);
  const { participants } = await (await fetch(`${nodes[1].bridge}/v1/documents/${id}/participants`)).json();
  check(!participants.some(({ name }) => name === "Grace Hopper"), "a closed tab to be no participant");
}

async function blocked(browser, [, second], nodes, path) {
  const third = await Tab.open(browser, { name: "Grace Hopper", color: "#047857" });
  await third.context.addInitScript(() => {
    // As a proxy does that lets no upgrade through.
    const Stock = globalThis.WebSocket;
    globalThis.WebSocket = class extends Stock {
      constructor(url, protocols) {
        super(String(url).replace(/^(ws.?:\/\/[^/]+)\/.*/, "$1/no-such-path"), protocols);
      }
    };
  });
  await third.goto(nodes[0].bridge, "demo", path);
  await third.becomes("http");
  await until("it says why", async () => (await third.page.getByRole("status").allTextContents()).join().includes("blocks WebSockets"));
  await third.focus();
  await third.page.keyboard.press("Control+End");
  await third.type(" by plain HTTP");
  await second.shows("by plain HTTP");
  await third.says("Saved");
  await second.focus();
  await second.page.keyboard.press("Control+Home");
  await second.type("and back ");
  await third.shows("and back ");
  third.checkQuiet();
  await third.close();
}
