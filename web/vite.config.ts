import preact from "@preact/preset-vite";
import { defineConfig } from "vitest/config";

export default defineConfig({
  plugins: [preact()],
  server: { proxy: { "/api": "http://127.0.0.1:3001" } },
  build: {
    // Nothing inlined as data: and no script that the policy (script-src 'self') would have to make an exception for.
    assetsInlineLimit: 0,
    // Few files: small ones compress badly.
    cssCodeSplit: false,
    rolldownOptions: {
      output: {
        codeSplitting: {
          groups: [
            { name: "shared", test: /src\/(parts|lib|api)\/|node_modules/ },
            { name: "functions", test: /src\/pages\/(Function|Invocation|Deploy|function|invocation|deploy)/ },
            { name: "broker", test: /src\/pages\/(Topics|Clients|DeadLetters|Bucket|topics|clients|dead-letters|buckets)/ },
            { name: "host", test: /src\/pages\/(Access|Settings|access|settings)/ },
          ],
        },
      },
    },
    modulePreload: { polyfill: false },
    target: "es2022",
    // The first ones with light-dark(); older targets would have it rewritten into something longer.
    cssTarget: ["chrome123", "firefox120", "safari17.5"],
  },
  test: { include: ["src/**/*.test.ts"] },
});
