import preact from "@preact/preset-vite";
import { defineConfig } from "vitest/config";

export default defineConfig({
  plugins: [preact()],
  server: { proxy: { "/api": "http://127.0.0.1:3001" } },
  build: {
    // Nothing inlined as data: and no script that the policy (script-src 'self') would have to make an exception for.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    target: "es2022",
    // The first ones with light-dark(); older targets would have it rewritten into something longer.
    cssTarget: ["chrome123", "firefox120", "safari17.5"],
  },
  test: { include: ["src/**/*.test.ts"] },
});
