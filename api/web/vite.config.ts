import { defineConfig } from "vite";
import { mock } from "./dev/mock.ts";

export default defineConfig({
  plugins: [mock()],
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: {
    target: "es2023",
    modulePreload: { polyfill: false },
    license: { fileName: "licenses.txt" },
    reportCompressedSize: true,
  },
});
