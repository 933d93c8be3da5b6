// One person's window on a bridge's page, in Chromium: what a test does as a person would.

import { mkdir } from "node:fs/promises";
import path from "node:path";

import { artifacts, check, until } from "./scenario.mjs";

export const ada = { name: "Ada Lovelace", color: "#1d4ed8" };
export const alan = { name: "Alan Turing", color: "#be123c" };

const addressOf = (workspace, document) => "#/" + [workspace, ...document.split("/")].map(encodeURIComponent).join("/");

export class Tab {
  /** What the page complained of: its own errors, and what it wrote into the console. */
  complaints = [];

  static async open(browser, person, { colorScheme = "light", width = 1180, height = 740, ...options } = {}) {
    const tab = new Tab();
    tab.person = person;
    // A context of its own: as separate as two people's browsers.
    tab.context = await browser.newContext({
      viewport: { width, height },
      colorScheme,
      permissions: ["clipboard-read", "clipboard-write"],
      ...options,
    });
    await tab.context.addInitScript(
      // Once: what the page adds to it is kept over a reload.
      (stored) => {
        if (location.protocol === "about:") return; // Which has no store.
        localStorage.getItem("coterie.person") ?? localStorage.setItem("coterie.person", JSON.stringify(stored));
      },
      person,
    );
    await tab.newPage();
    return tab;
  }

  async newPage() {
    this.page = await this.context.newPage();
    this.page.on("pageerror", (error) => this.complaints.push(error.stack || error.message));
    this.page.on("console", (message) => {
      if (["error", "warning"].includes(message.type())) this.complaints.push(message.text());
    });
  }

  /** What it complained of, but for what a browser says of a network that is away. */
  ownComplaints() {
    return this.complaints.filter((text) => !/Failed to load resource|ERR_|WebSocket connection|Failed to fetch|net::/.test(text));
  }

  async goto(bridge, workspace, document, { token } = {}) {
    this.address = `${bridge}/${token ? `?token=${token}` : ""}${document ? addressOf(workspace, document) : `#/${workspace}`}`;
    await this.page.goto(this.address);
    if (document) await this.loaded();
  }

  /** The editor is there, with the document in it. */
  async loaded({ timeoutMs = 30_000 } = {}) {
    await this.page.waitForSelector(
      '[data-testid="text"][data-loaded="true"] :is(.monaco-editor .view-line, .ProseMirror)',
      { state: "attached", timeout: timeoutMs },
    );
    this.rich = (await this.page.locator(".ProseMirror").count()) > 0;
  }

  get editor() {
    return this.page.locator(this.rich ? ".ProseMirror" : ".monaco-editor .view-lines");
  }

  async focus() {
    if (this.rich) {
      await this.page.locator(".ProseMirror").focus();
      // ProseMirror puts the caret where it was a moment after: sooner than a person presses a key.
      await this.page.waitForTimeout(100);
    } else {
      await this.page.locator(".monaco-editor textarea, .monaco-editor .native-edit-context").first().focus();
    }
  }

  /** The text that is shown, without names of cursors; all of it, if the document fits the window. */
  text() {
    if (!this.rich) {
      return this.page.$$eval(".monaco-editor .view-line", (lines) =>
        lines
          .map((line) => ({ top: parseFloat(line.style.top), text: line.textContent.replace(/\u00a0/g, " ") }))
          .sort((a, b) => a.top - b.top)
          .map(({ text }) => text)
          .join("\n"),
      );
    }
    return this.page.$eval(".ProseMirror", (editor) => {
      const copy = editor.cloneNode(true);
      for (const mark of copy.querySelectorAll(".caret, .ProseMirror-widget")) mark.remove();
      const blocks = Array.from(copy.querySelectorAll("p, h1, h2, h3, pre"));
      return blocks.map((block) => block.textContent.replace(/[\u2060\ufeff]/g, "")).join("\n");
    });
  }

  /** Names at the cursors of others that are drawn now. */
  flags() {
    return this.page.$$eval(this.rich ? ".ProseMirror .caret-flag" : ".cursor-head", (heads) =>
      heads.map((head) => getComputedStyle(head, "::after").content.replace(/^"|"$/g, "")),
    );
  }

  /** How many pieces of others' selections are drawn. */
  selections() {
    return this.page.locator(this.rich ? ".ProseMirror .caret-selection" : ".cursor-selection").count();
  }

  /** The word that the page has for how the connection is. */
  connection() {
    return this.page.locator('[data-testid="connection"]').getAttribute("data-connection");
  }

  async becomes(connection, options) {
    return until(`${this.person.name}'s page is ${connection}`, async () => (await this.connection()) === connection, options);
  }

  saveState() {
    return this.page.locator('[data-testid="save-state"]').textContent({ timeout: 1000 }).catch(() => "");
  }

  async says(words, options) {
    return until(`${this.person.name}'s page says “${words}”`, async () => (await this.saveState()).includes(words), options);
  }

  async shows(text, options) {
    await until(`${this.person.name}'s page shows “${text.slice(0, 60)}”`, async () => (await this.text()).includes(text), options).catch(
      async (error) => {
        throw new Error(`${error.message}; it shows:\n${(await this.text()).slice(0, 2000)}`, { cause: error });
      },
    );
  }

  async type(text, delay = 12) {
    await this.page.keyboard.type(text, { delay });
  }

  /** Opens what the bar has beside the text: "Comments", "Chat", "People", "Version history". */
  async panel(name) {
    const button = this.page.locator(`header button[aria-label^="${name}"]`);
    if ((await button.getAttribute("aria-expanded")) !== "true") await button.click();
    return this.page.locator("aside");
  }

  /** What a screen reader would find under that role and name. */
  by(role, name, options = {}) {
    return this.page.getByRole(role, { name, ...options });
  }

  async screenshot(name) {
    await mkdir(artifacts, { recursive: true });
    const file = path.join(artifacts, `${name}.png`);
    await this.page.screenshot({ path: file });
    return file;
  }

  checkQuiet() {
    check(this.ownComplaints().length === 0, `no complaints of the page, not:\n${this.ownComplaints().join("\n")}`);
  }

  async close() {
    await this.context.close();
  }
}
