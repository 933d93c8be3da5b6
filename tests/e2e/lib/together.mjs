// Two people in two browsers on two bridges: what browsers.mjs and demo_check.mjs both show.

import { launch, Window } from "./browser.mjs";
import { check, until } from "./scenario.mjs";

const ada = { name: "Ada Lovelace", color: "#1d4ed8" };
const alan = { name: "Alan Turing", color: "#be123c" };

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

const typingDelayMs = 8;

/**
 * Opens `document` at both bridges, lets both people type at once, and checks that they see the same
 * text and each other. Returns {windows, text, files}: the windows stay open.
 */
export async function typeTogether(context, bridges, document) {
  const browser = await launch(context);
  const windows = [await Window.open(browser, ada), await Window.open(browser, alan, { colorScheme: "dark" })];
  const [first, second] = windows;
  for (const [i, window] of windows.entries()) {
    await window.openDocument(bridges[i], "demo", document);
    await window.says(".connection", "Connected");
  }

  // A beginning to type in: Alan works at the end while Ada writes above him.
  await first.page.keyboard.type("\n");
  await until("the empty line has reached the other window", async () => (await second.text()) === "\n");
  await first.page.keyboard.press("Control+Home");
  await second.page.keyboard.press("Control+End");
  await Promise.all([
    typeLines(first.page, adasLines),
    typeLines(second.page, alansLines),
  ]);

  const expected = [...adasLines, ...alansLines].join("\n");
  for (const window of windows) {
    await until("both windows show what both typed", async () => (await window.text()) === expected).catch(
      async (error) => {
        throw new Error(`${error.message}; it shows:\n${await window.text()}`);
      },
    );
    await window.says(".saved", "Saved");
  }

  // A selection to look at, and a last move so that both name flags are up.
  await first.page.keyboard.press("Control+Home");
  for (const key of ["ArrowDown", "ArrowDown", "Shift+ArrowDown", "Shift+End"]) await first.page.keyboard.press(key);
  await second.page.keyboard.press("ArrowUp");
  await until(`each sees the other's cursor and name`, async () => {
    const flags = [await first.flags(), await second.flags()];
    return flags[0].join() === alan.name && flags[1].join() === ada.name;
  });
  for (const window of windows) {
    await until("each is listed to the other", async () => {
      const people = await window.people();
      return people.length === 2 && [ada, alan].every(({ name }) => people.some((shown) => shown.startsWith(name)));
    });
  }
  await first.page.waitForTimeout(400); // For the flags' fade.
  const files = [await first.screenshot("two-windows-red"), await second.screenshot("two-windows-green")];
  for (const window of windows) {
    check(window.complaints.length === 0, `no complaints in the console, not:\n${window.complaints.join("\n")}`);
  }
  return { windows, text: expected, files };
}

async function typeLines(page, lines) {
  for (const [i, line] of lines.entries()) {
    if (i > 0) await page.keyboard.press("Enter");
    await page.keyboard.type(line, { delay: typingDelayMs });
  }
}
