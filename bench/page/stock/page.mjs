// A page of stock libraries, as a rival for the one that a bridge serves: same browser, same node, same document.

import path from "node:path";
import { fileURLToPath } from "node:url";

import { build } from "esbuild";

const here = path.dirname(fileURLToPath(import.meta.url));

/** Opens it in `page`, whose context bypasses CSP, at the bridge's own address. False: it does not have the text in a minute. */
export async function showStock(page, bridge, workspace, document, kind) {
  const { outputFiles } = await build({
    entryPoints: [path.join(here, `${kind}.js`)],
    outdir: "/",
    bundle: true,
    minify: true,
    write: false,
    loader: { ".ttf": "dataurl" },
  });
  const ending = (end) => outputFiles.find((file) => file.path.endsWith(end))?.text ?? "";
  // In place of what the bridge answered there, so that it is the bridge's own origin.
  const query = new URLSearchParams({ server: `${bridge.replace(/^http/, "ws")}/sync/${workspace}`, room: document });
  await page.goto(`${bridge}/v1/status?${query}`);
  await page.setContent(`<!doctype html><meta charset="utf-8">
<style>body { margin: 0; } #editor { position: absolute; inset: 56px 0 28px; overflow: auto; }</style>
<div id="editor"></div>`);
  if (ending(".css")) await page.addStyleTag({ content: ending(".css") });
  await page.addScriptTag({ content: ending(".js") });
  const ready = page.waitForSelector("body[data-ready]", { state: "attached", timeout: 60_000 });
  return ready.then(
    () => true,
    () => false,
  );
}
