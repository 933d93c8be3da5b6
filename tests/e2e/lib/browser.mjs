// Chromium windows on a bridge's page.

import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import path from "node:path";
import { chromium } from "playwright-core";

import { artifacts, Skipped, until } from "./scenario.mjs";

const executablePath = process.env.COTERIE_CHROMIUM ?? "/usr/bin/chromium";

/** Quiet and offline: nothing but the page may use the network. */
const args = [
  "--headless=new",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

export async function launch(context) {
  if (!existsSync(executablePath)) throw new Skipped(`there is no ${executablePath} (apt install chromium)`);
  const browser = await chromium.launch({ executablePath, args });
  context.defer(() => browser.close());
  return browser;
}

/** One person's window. Collects what the page complains about in `complaints`. */
export class Window {
  complaints = [];

  static async open(browser, person, { colorScheme = "light", width = 1180, height = 740 } = {}) {
    const window = new Window();
    // A context of its own: as separate as two people's browsers.
    window.context = await browser.newContext({ viewport: { width, height }, colorScheme });
    await window.context.addInitScript(
      // Once: what the page adds to it is kept over a reload.
      (stored) => localStorage.getItem("coterie.person") ?? localStorage.setItem("coterie.person", JSON.stringify(stored)),
      person,
    );
    window.page = await window.context.newPage();
    window.page.on("pageerror", (error) => window.complaints.push(error.stack || error.message));
    window.page.on("console", (message) => {
      if (["error", "warning"].includes(message.type())) window.complaints.push(message.text());
    });
    return window;
  }

  async openDocument(bridge, workspace, document) {
    const hash = [workspace, ...document.split("/")].map(encodeURIComponent).join("/");
    await this.page.goto(`${bridge}/#/${hash}`);
    await this.page.waitForSelector('[data-loaded="true"] .monaco-editor .view-line', { state: "attached" });
  }

  /** The shown lines, in order; all of them, if the document fits the window. */
  async text() {
    return this.page.$$eval(".editor .view-line", (lines) =>
      lines
        .map((line) => ({ top: parseFloat(line.style.top), text: line.textContent.replace(/\u00a0/g, " ") }))
        .sort((a, b) => a.top - b.top)
        .map(({ text }) => text)
        .join("\n"),
    );
  }

  /** Names on the flags of other people's cursors that are drawn now. */
  async flags() {
    return this.page.$$eval(".yRemoteSelectionHead", (heads) =>
      heads.map((head) => getComputedStyle(head, "::after").content.replace(/^"|"$/g, "")),
    );
  }

  /** Everybody the page lists as present. */
  async people() {
    return this.page.$$eval(".people li .visually-hidden", (names) => names.map((name) => name.textContent));
  }

  async says(selector, text) {
    return until(`the page says “${text}”`, async () => (await this.page.textContent(selector))?.includes(text));
  }

  async screenshot(name) {
    await mkdir(artifacts, { recursive: true });
    const file = path.join(artifacts, `${name}.png`);
    await this.page.screenshot({ path: file });
    return file;
  }
}
