import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";

import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin } from "vite";

// The bridge to talk to while developing (`npm run dev`); the built client uses its own origin.
const bridge = process.env["COTERIE_BRIDGE"] ?? "http://127.0.0.1:7420";

/** Tells the service worker which files the page has. */
const listFiles = (): Plugin => ({
  name: "coterie-list-files",
  generateBundle(_options, bundle) {
    const hash = createHash("sha256");
    const given = readdirSync("public").sort();
    for (const name of given) hash.update(readFileSync(`public/${name}`));
    const built = Object.keys(bundle).filter((name) => name.startsWith("assets/")).sort();
    // The names of these have the hash of what is in them.
    hash.update(built.join("\n"));
    const worker = bundle["sw.js"];
    if (worker?.type !== "chunk") throw new Error("the service worker was not built");
    worker.code = worker.code
      .replaceAll("__PAGE_VERSION__", JSON.stringify(hash.digest("hex").slice(0, 16)))
      .replaceAll("__PAGE_FILES__", JSON.stringify([...given, ...built]));
  },
});

export default defineConfig({
  plugins: [react(), listFiles()],
  // Relative, because a bridge may sit below a path of a reverse proxy.
  base: "./",
  build: {
    target: "es2022",
    rolldownOptions: {
      input: { index: "index.html", sw: "worker/sw.ts" },
      output: { entryFileNames: ({ name }) => (name === "sw" ? "sw.js" : "assets/[name]-[hash].js") },
    },
    // The editor is one big chunk by nature; what matters is that the list shows before it loads.
    chunkSizeWarningLimit: 4096,
  },
  server: {
    proxy: {
      "/v1": { target: bridge, ws: true, changeOrigin: true, headers: { origin: bridge } },
      "/sync": { target: bridge, ws: true, changeOrigin: true, headers: { origin: bridge } },
    },
  },
});
