// Chromium, for windows on a bridge's page (tab.mjs).

import { existsSync } from "node:fs";
import { chromium } from "playwright-core";

import { Skipped } from "./scenario.mjs";

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
