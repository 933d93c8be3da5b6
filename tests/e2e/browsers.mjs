// Two Chromium windows on two bridges type at once: the same text in both, each sees the other's
// cursor and name. Then the way of a person who is alone for a while: the node goes away, edits stay
// in the tab, the node returns. Screenshots go to build/artifacts.

import { typeTogether } from "./lib/together.mjs";
import { converged, formTeam, needBinary, Node } from "./lib/nodes.mjs";
import { check, scenario, until } from "./lib/scenario.mjs";

const document = "notes/lecture.md";

await scenario({}, async (context) => {
  needBinary();
  const nodes = ["red", "green"].map((color) => new Node(context, color));
  const [red, green] = nodes;
  await formTeam(nodes);

  const { windows, text, files } = await typeTogether(context, [red.bridge, green.bridge], document);
  await converged(nodes, "demo", document, text);
  context.log("two windows on two bridges show the same text, cursors and names");
  for (const file of files) context.figure("screenshot", file);

  const [first, second] = windows;
  const { page } = first;
  await red.stop();
  await first.says(".connection", "Offline");
  await page.keyboard.press("Control+End");
  await page.keyboard.type("\nTyped while the node was away.");
  await first.says(".saved", "changes kept in this tab");
  check(await warnsBeforeClosing(page), "a warning before closing a tab with unsaved changes");
  context.figure("screenshot", await first.screenshot("node-away"));
  await until("the other window has lost the cursor", async () => (await second.flags()).length === 0);

  await red.start();
  await first.says(".connection", "Connected");
  await first.says(".saved", "Saved");
  check(!(await warnsBeforeClosing(page)), "no warning once everything is saved");
  await until("the other window shows it", async () => (await second.text()).endsWith("Typed while the node was away."));
  await converged(nodes, "demo", document, await first.text());
  context.log("what was typed while the node was away arrived when it came back");

  await createDocument(first, "plans/next week.md");
  await until("the other window lists the new document", async () =>
    (await second.page.textContent(".documents")).includes("next week.md"),
  );
  context.log("a document made in one window is listed in the other");
  for (const node of nodes) node.reportUsage();
  for (const node of nodes) await node.stop();
});

/** Whether the page would ask before it is closed. (Playwright cannot see the question itself.) */
function warnsBeforeClosing(page) {
  return page.evaluate(() => !dispatchEvent(new Event("beforeunload", { cancelable: true })));
}

async function createDocument({ page }, name) {
  await page.click(".tools button");
  await page.keyboard.type("notes//wrong");
  await page.keyboard.press("Enter");
  check((await page.textContent(".problem")).includes("//"), "a wrong name to be explained");
  await page.fill(".new input", name);
  await page.keyboard.press("Enter");
  await page.waitForFunction((wanted) => decodeURIComponent(location.hash).endsWith(wanted), name);
  await page.waitForSelector(".documents a[aria-current=page]");
}
