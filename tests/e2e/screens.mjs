// Every screen of the page, light, dark and on a phone, as pictures in build/artifacts/screens; and
// what axe finds wrong with each: nothing serious may be.
//
//   node screens.mjs [--only NAME] [--look LOOK] [--seed S]

import { mkdir, readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";

import { launch } from "./lib/browser.mjs";
import { formTeam, needBinary, Node } from "./lib/nodes.mjs";
import { artifacts, check, scenario, until } from "./lib/scenario.mjs";
import { ada, alan, Tab } from "./lib/tab.mjs";

const axeSource = createRequire(import.meta.url).resolve("axe-core/axe.min.js");
const directory = path.join(artifacts, "screens");
const looks = {
  light: { colorScheme: "light", width: 1280, height: 800 },
  dark: { colorScheme: "dark", width: 1280, height: 800 },
  phone: { colorScheme: "light", width: 390, height: 844, hasTouch: true, isMobile: true },
};

const plan = `import { parse } from "./parse";

/** What a line of the ledger says, in cents. */
export function total(lines: string[]): number {
  let sum = 0;
  for (const line of lines) {
    const { amount, currency } = parse(line);
    if (currency !== "EUR") continue;
    sum += Math.round(amount * 100);
  }
  return sum;
}

export function average(lines: string[]): number {
  return lines.length === 0 ? 0 : total(lines) / lines.length;
}
`;

async function accessibilityOf({ page }, axe) {
  await page.evaluate(axe);
  const violations = await page.evaluate(async () => {
    // Monaco's elements are Monaco's; the colours that it draws them with are ours.
    const monaco = [".monaco-editor", ".monaco-diff-editor"];
    const runOnly = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
    const page = await globalThis.axe.run({ exclude: monaco }, { runOnly });
    const inside = monaco.filter((selector) => document.querySelector(selector));
    if (inside.length === 0) return page.violations;
    const colours = await globalThis.axe.run({ include: inside }, { runOnly: { type: "rule", values: ["color-contrast"] } });
    return [...page.violations, ...colours.violations];
  });
  return violations.map(({ id, impact, help, nodes }) => ({ id, impact, help, nodes: nodes.map(({ html, failureSummary }) => `${html.slice(0, 160)} ${failureSummary.split("\n")[1] ?? ""}`) }));
}

async function rest(node, method, where, body) {
  const response = await fetch(`${node.bridge}/v1/${where}`, {
    method,
    ...(body === undefined ? {} : { headers: { "content-type": "application/json" }, body: JSON.stringify(body) }),
  });
  const answer = await response.json();
  check(response.ok, `${method} ${where}, not ${response.status}: ${JSON.stringify(answer)}`);
  return answer;
}

/** An edit of that node's own, so that there is more than one version and author. */
async function replaceIn(node, document, from, to) {
  const where = `${node.bridge}/v1/documents/${document}/text`;
  const read = await fetch(where);
  const headers = { "content-type": "text/plain", "if-match": read.headers.get("etag") };
  const answer = await fetch(where, { method: "PUT", headers, body: (await read.json()).text.replace(from, to) });
  check(answer.ok, `an edit over REST, not ${answer.status}`);
}

/** A workspace that is in use. */
async function fill(nodes) {
  const [red, green] = nodes;
  const create = (document) => rest(red, "POST", "workspaces/demo/documents", document);
  const made = {};
  for (const document of [
    { path: "src/ledger.ts", kind: "code", language: "typescript", text: plan },
    { path: "src/parse.ts", kind: "code", language: "typescript", text: "export const parse = (line: string) => JSON.parse(line);\n" },
    { path: "notes/meeting", kind: "rich", template: "meeting", title: "Weekly meeting" },
    { path: "notes/talk", kind: "rich", template: "notes", title: "Notes for the talk" },
    { path: "notes/film", kind: "rich", template: "screenplay", meta: { template: "screenplay" }, title: "The long night" },
    { path: "README.md", kind: "code", language: "markdown", text: "# Ledger\n\nWhat it is.\n" },
    { path: "todo.txt", kind: "plain", text: "- one\n- two\n" },
    { path: "old/draft.md", kind: "code", language: "markdown", text: "# Draft\n" },
  ]) {
    made[document.path] = (await create(document)).id;
  }
  await rest(red, "DELETE", `documents/${made["old/draft.md"]}`);
  const plans = made["src/ledger.ts"];
  await until("green has it", async () => (await green.cli("doc", "list", "demo")).includes("src/ledger.ts"));
  await rest(red, "POST", `documents/${plans}/messages`, { text: "I moved the rounding into the loop. @green, does it look right?" });
  await until("green has the message", async () => (await green.cli("chat", "demo", "src/ledger.ts")).includes("rounding"));
  await rest(green, "POST", `documents/${plans}/messages`, { text: "Yes. One question in the comments." });
  await rest(green, "POST", `documents/${plans}/comments`, { text: "Why only euros?", quote: 'currency !== "EUR"' });
  await rest(green, "POST", `documents/${plans}/comments`, { text: "Shorter.", quote: "lines.length === 0", suggestion: "!lines.length" });
  await rest(red, "PUT", `documents/${plans}/versions/now/name`, { name: "Before the review" });
  await replaceIn(green, plans, "Math.round(amount * 100)", "Math.trunc(amount * 100)");
  const talk = made["notes/talk"];
  await rest(red, "PUT", `documents/${talk}/versions/now/name`, { name: "As it began" });
  return { plan: "src/ledger.ts", talk: "notes/talk", film: "notes/film", meeting: "notes/meeting", ids: made };
}

const open = (document) => async ({ tab, nodes, world }) => {
  await tab.goto(nodes[0].bridge, "demo", world[document]);
  await tab.becomes("connected");
};
const beside = (document, panel) => async (scene) => {
  await open(document)(scene);
  await openPanel(scene.tab, panel);
};

/** On phones some of them are in the menu. */
async function openPanel(tab, name) {
  const button = tab.page.locator(`header button[aria-label^="${name}"]`);
  if (await button.isVisible()) await button.click();
  else {
    await tab.page.locator("header").getByRole("button", { name: "More" }).click();
    await tab.page.getByRole("menuitem", { name }).click();
  }
  await tab.page.locator("aside").waitFor();
}

/** What the document is beside the named version. */
const compare = (document) => async (scene) => {
  const { page } = scene.tab;
  await beside(document, "Version history")(scene);
  await page.locator("[data-version=now]").focus();
  await page.keyboard.press("Shift+End");
  const view = page.getByRole("region", { name: "Version of the document" });
  await view.getByRole("button", { name: "Next change" }).click();
  await view.getByText(/^Change 1 of/).waitFor();
};

const home = (query = "") => async ({ tab, nodes }) => {
  await tab.goto(nodes[0].bridge, `demo${query ? `/?${query}` : ""}`);
  await tab.page.waitForTimeout(1200);
};

/** In this order, each from the state that the one before left. Those that return false are left out. */
const screens = {
  home: home(),
  folder: home("folder=notes%2F"),
  search: home("q=parse"),
  recent: home("view=recent"),
  trash: home("view=trash"),
  mesh: home("view=mesh"),
  new_document: async (scene) => {
    await home()(scene);
    if (scene.look === "phone") await scene.tab.page.getByRole("button", { name: /^New/ }).first().click();
    else await scene.tab.page.getByRole("button", { name: /^New/ }).first().click();
    await scene.tab.page.getByRole("dialog").waitFor();
  },
  code: open("plan"),
  code_comments: beside("plan", "Comments"),
  code_chat: beside("plan", "Chat"),
  code_people: beside("plan", "People"),
  code_history: beside("plan", "Version history"),
  code_compare: compare("plan"),
  code_restore: async (scene) => {
    await compare("plan")(scene);
    await scene.tab.page.getByRole("button", { name: "Restore…" }).first().click();
    await scene.tab.page.getByRole("dialog").getByText("taken out").waitFor();
  },
  code_authors: async (scene) => {
    if (scene.look === "phone") return false;
    await open("plan")(scene);
    await scene.tab.page.getByRole("button", { name: "Show who wrote what" }).click();
    await scene.tab.page.getByRole("dialog").getByText("%").first().waitFor();
  },
  rich_compare: compare("talk"),
  share: async (scene) => {
    await open("plan")(scene);
    await scene.tab.page.getByRole("button", { name: "Share" }).click();
    await scene.tab.page.getByRole("dialog").waitFor();
  },
  palette: async (scene) => {
    await open("plan")(scene);
    await scene.tab.page.keyboard.press("Control+k");
    await scene.tab.page.getByRole("dialog").waitFor();
  },
  rich: open("talk"),
  rich_meeting: open("meeting"),
  rich_chat: beside("talk", "Chat"),
  screenplay: open("film"),
  missing: async ({ tab, nodes }) => {
    await tab.page.goto(`${nodes[0].bridge}/#/demo/no/such.md`);
    await tab.page.getByRole("button", { name: "Make it" }).waitFor();
  },
};

await scenario({ only: { type: "string" }, look: { type: "string" } }, async (context) => {
  needBinary();
  await mkdir(directory, { recursive: true });
  const nodes = ["red", "green", "blue"].map((color) => new Node(context, color));
  await formTeam(nodes);
  const world = await fill(nodes);
  const browser = await launch(context);
  const axe = await readFile(axeSource, "utf8");
  const company = await Tab.open(browser, alan);
  await company.goto(nodes[1].bridge, "demo", world.plan);
  await company.focus();
  await company.page.keyboard.press("Control+End");
  const writer = await Tab.open(browser, { name: "Grace Hopper", color: "#047857" });
  await writer.goto(nodes[1].bridge, "demo", world.talk);
  await writer.focus();
  await writer.page.keyboard.press("Control+End");
  await writer.page.keyboard.type(" And one more thing.");

  const findings = [];
  for (const [look, options] of Object.entries(looks)) {
    if (context.args.look && look !== context.args.look) continue;
    const tab = await Tab.open(browser, ada, options);
    for (const [name, show] of Object.entries(screens)) {
      if (context.args.only && !name.includes(context.args.only)) continue;
      try {
        // The whole page anew: dialogs of the screen before are gone.
        await tab.page.goto("about:blank");
        if ((await show({ tab, nodes, world, look, company })) === false) continue;
      } catch (error) {
        throw new Error(`${name}, ${look}: ${error.message}`, { cause: error });
      }
      await tab.page.waitForTimeout(300);
      await tab.page.screenshot({ path: path.join(directory, `${name}-${look}.png`) });
      findings.push(...(await accessibilityOf(tab, axe)).map((one) => ({ screen: name, look, ...one })));
      await writeFile(path.join(directory, "accessibility.json"), JSON.stringify(findings, null, 1));
    }
    tab.checkQuiet();
    await tab.close();
  }
  const serious = findings.filter(({ impact }) => ["serious", "critical"].includes(impact));
  for (const { screen, look, id, impact, help, nodes: where } of findings) {
    context.log(`  ${screen}, ${look}: ${impact}: ${id}: ${help}: ${where.slice(0, 3).join(" | ")}`);
  }
  context.figure("screens", `${Object.keys(screens).length} in ${Object.keys(looks).length} looks, in ${directory}`);
  context.figure("accessibility (axe)", `${serious.length} serious findings, ${findings.length - serious.length} others`);
  check(serious.length === 0, "no serious findings");
  for (const node of nodes) await node.stop();
});
