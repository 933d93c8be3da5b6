// Two people in two Chromium windows on two bridges: they chat, see who is there, who types and who is
// away; one reloads and is still the same, closes the window and is gone. Screenshots go to
// build/artifacts.

import { launch, Window } from "./lib/browser.mjs";
import { ChatPanel } from "./lib/chat_panel.mjs";
import { formTeam, needBinary, Node } from "./lib/nodes.mjs";
import { check, scenario, until } from "./lib/scenario.mjs";

const document = "notes/lecture.md";
const ada = { name: "Ada Lovelace", color: "#1d4ed8" };
const alan = { name: "Alan Turing", color: "#be123c" };

await scenario({}, async (context) => {
  needBinary();
  const nodes = ["red", "green"].map((color) => new Node(context, color));
  await formTeam(nodes);
  await nodes[0].cli("doc", "create", "demo", document);
  const browser = await launch(context);
  const first = await Window.open(browser, ada);
  const second = await Window.open(browser, alan, { colorScheme: "dark" });
  for (const [i, window] of [first, second].entries()) {
    await until("the document is listed", async () =>
      (await nodes[i].cli("doc", "list", "demo")).includes(document));
    await window.openDocument(nodes[i].bridge, "demo", document);
    await window.says(".connection", "Connected");
  }
  const [red, green] = [new ChatPanel(first.page), new ChatPanel(second.page)];
  await red.open();
  await green.open();

  await red.say("Shall we begin, @green?");
  await until("the other window shows it", async () => (await green.messages()).includes("Shall we begin, @green?"));
  check((await green.authors()).join() === "red", "a message to carry its author's name");
  await green.button("Shall we begin", "React with 👍");
  await until("the reaction is shown", async () => (await red.page.textContent(".reactions"))?.includes("👍 1"));
  await green.button("Shall we begin", "Reply");
  await green.say("Gladly.");
  await until("the answer is shown below what it answers", async () =>
    (await red.page.textContent(".message:last-of-type .answered"))?.includes("Shall we begin"));
  check((await nodes[1].cli("mentions", "demo")).includes("Shall we begin"), "a mention in the inbox");
  context.log("two windows on two bridges chat, react and answer");

  await red.page.focus(".composer textarea");
  await until("the other is told of the typing", async () => {
    await red.page.keyboard.type("."); // It is shown for a second.
    return (await green.typing()).includes("Ada Lovelace is typing");
  });
  await until("it ends by itself", async () => (await green.typing()) === "");
  await red.page.fill(".composer textarea", "");

  const files = [await first.screenshot("chat-red"), await second.screenshot("chat-green")];
  for (const file of files) context.figure("screenshot", file);

  await green.close();
  await red.say("Are you there?");
  await until("the button shows what is unread", async () =>
    (await green.page.textContent(".panel-button .count").catch(() => "")) === "1");
  await green.open();
  await until("what is shown is read", async () => (await nodes[1].json("chat", "demo", document)).unread === 0);
  await red.button("Are you there?", "Edit");
  await red.page.waitForFunction(() => globalThis.document.querySelector(".composer textarea").value !== "");
  await red.say("Are you here?");
  await until("the other window shows the change", async () => (await green.messages()).includes("Are you here?"));
  check(!(await green.tools("Are you here?")).includes("Delete"), "nobody to delete what others said");
  await red.button("Are you here?", "Delete");
  await until("a tombstone remains", async () => (await green.messages()).at(-1) === "This message was deleted.");
  context.log("edits, deletions and unread counts reach the other window");

  await green.page.click("#tab-people");
  await until("each is listed with where they are", async () => {
    const people = await green.people();
    return people.length === 2 && people.some(({ text }) => text.includes("Ada Lovelace") && text.includes("red"));
  });
  const before = await green.idOf("Ada Lovelace");
  await setVisibility(red.page, "hidden");
  await until("a hidden tab is away", async () => (await green.people()).some(({ status }) => status === "away"));
  await setVisibility(red.page, "visible");
  await until("it is back", async () => (await green.people()).every(({ status }) => status === "active"));

  await red.page.click(".monaco-editor .view-lines");
  await red.page.keyboard.insertText("words\n".repeat(200));
  await until("the text is there", async () => (await nodes[1].text("demo", document)).length === 1200);
  check((await second.flags()).length === 0, "the other cursor to be out of sight");
  await green.page.click(".people-list button.person");
  await until("following a cursor brings it into view", async () => (await second.flags()).join() === ada.name);
  await red.page.keyboard.press("Control+Home");
  await until("it is followed as it moves", async () => (await second.text()).startsWith("words") && (await second.flags()).join() === ada.name);
  context.log("a hidden tab is away; a cursor is followed");

  await red.page.reload();
  await first.says(".connection", "Connected");
  await red.open();
  await until("the reloaded window shows the chat", async () => (await red.messages()).length === 3);
  check((await red.own()).join() === "true,false,true", "to be the author of the same messages after a reload");
  await until("there are two people still", async () => (await green.people()).length === 2);
  check((await green.idOf("Ada Lovelace")) === before, "to be the same person after a reload");
  context.log("a reload keeps the identity");

  for (let i = 0; i < 60; i++) await nodes[1].cli("chat", "demo", document, `line ${i}`);
  await until("what comes is shown", async () => (await red.messages()).at(-1) === "line 59");
  await red.page.reload();
  await red.open();
  await until("the newest page is shown", async () => (await red.messages()).at(-1) === "line 59");
  check(!(await red.messages()).includes("line 0"), "a page only");
  await red.page.focus(".messages");
  await red.page.keyboard.press("Home");
  await until("older ones are loaded when one scrolls up", async () => (await red.messages()).includes("line 0"));
  context.log("history is paged");

  const phone = await Window.open(browser, alan, { width: 380, height: 700 });
  await phone.openDocument(nodes[1].bridge, "demo", document);
  await new ChatPanel(phone.page).open();
  context.figure("screenshot", await phone.screenshot("chat-phone"));
  await phone.page.close();

  await first.page.close();
  // Sooner than presence that is only not renewed: 30 s.
  await until("a closed window is gone at once", async () =>
    !(await green.people()).some(({ text }) => text.includes("Ada Lovelace")), { timeoutMs: 5000 });
  context.log("a closed window is gone");
  for (const window of [first, second, phone]) {
    check(window.complaints.length === 0, `no complaints in the console, not:\n${window.complaints.join("\n")}`);
  }
  for (const node of nodes) await node.stop();
});

/** A hidden tab, as the page sees it: headless windows are never hidden. */
function setVisibility(page, state) {
  return page.evaluate((now) => {
    Object.defineProperty(document, "visibilityState", { value: now, configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
  }, state);
}
