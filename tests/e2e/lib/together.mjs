// Two people in two browsers on two bridges: what page.mjs and demo_check.mjs both show.

import { launch } from "./browser.mjs";
import { check, until } from "./scenario.mjs";
import { ada, alan, Tab } from "./tab.mjs";

const adasLines = [
  "# The analytical node",
  "",
  "It might act upon other things besides *number*, were objects found whose",
  "mutual fundamental relations could be expressed by those of the abstract",
  "science of operations.",
];
const alansLines = [
  "",
  "## What a machine can do",
  "",
  "We can only see a short distance ahead,",
  "but we can see plenty there that needs to be done.",
];

/**
 * Opens `document` at both bridges, lets both people type at once, and checks that they see the same
 * text and each other. Returns {tabs, text, files}: the windows stay open.
 */
export async function typeTogether(context, bridges, document) {
  const browser = await launch(context);
  const tabs = [await Tab.open(browser, ada), await Tab.open(browser, alan, { colorScheme: "dark" })];
  const [first, second] = tabs;
  for (const [i, tab] of tabs.entries()) {
    await tab.goto(bridges[i], "demo", document);
    await tab.becomes("connected");
    await tab.focus();
  }

  // A beginning to type in: Alan works at the end while Ada writes above him.
  await first.type("\n");
  await until("the empty line has reached the other window", async () => (await second.text()) === "\n");
  await first.page.keyboard.press("Control+Home");
  await second.page.keyboard.press("Control+End");
  await Promise.all([first.type(adasLines.join("\n"), 8), second.type(alansLines.join("\n"), 8)]);

  const expected = [...adasLines, ...alansLines].join("\n");
  for (const tab of tabs) {
    await until("both windows show what both typed", async () => (await tab.text()) === expected).catch(async (error) => {
      throw new Error(`${error.message}; it shows:\n${await tab.text()}`);
    });
    await tab.says("Saved");
  }

  // A selection to look at, and a last move so that both name flags are up.
  await first.page.keyboard.press("Control+Home");
  for (const key of ["ArrowDown", "ArrowDown", "Shift+ArrowDown", "Shift+End"]) await first.page.keyboard.press(key);
  await second.page.keyboard.press("ArrowUp");
  await until("each sees the other's cursor and name", async () => {
    const flags = [await first.flags(), await second.flags()];
    return flags[0].join() === alan.name && flags[1].join() === ada.name;
  });
  await first.page.waitForTimeout(400); // For the flags' fade.
  const files = [await first.screenshot("two-windows-red"), await second.screenshot("two-windows-green")];
  for (const tab of tabs) check(tab.complaints.length === 0, `no complaints in the console, not:\n${tab.complaints.join("\n")}`);
  return { tabs, text: expected, files };
}
