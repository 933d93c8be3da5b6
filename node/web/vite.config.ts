import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

// The bridge to talk to while developing (`npm run dev`); the built client uses its own origin.
const bridge = process.env["COTERIE_BRIDGE"] ?? "http://127.0.0.1:7420";

export default defineConfig({
  plugins: [react()],
  // Relative, because a bridge may sit below a path of a reverse proxy.
  base: "./",
  resolve: {
    alias: [
      // y-monaco names Monaco's files by the paths they had before 0.56 gave them an export map.
      { find: /^monaco-editor\/esm\/vs\//, replacement: "monaco-editor/" },
    ],
  },
  build: {
    target: "es2022",
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
