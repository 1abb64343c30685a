import { defineConfig } from "vitest/config";

/** The demo in Debian's Chromium: `npm run test:browser`. One file after the other: each starts a demo of its own. */
export default defineConfig({
  test: {
    root: new URL("../..", import.meta.url).pathname,
    include: ["test/browser/**/*.test.ts"],
    globalSetup: ["test/support/owned.ts"],
    pool: "forks",
    fileParallelism: false,
    // A shared machine stands still now and then; what fails three times in a row is broken.
    retry: process.env.CI === undefined ? 0 : 2,
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
