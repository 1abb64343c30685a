import { defineConfig } from "vitest/config";

/** The gateway against identity providers of other projects: `npm run test:peers`. Their servers do one thing at a time: files run in turn. */
export default defineConfig({
  test: {
    root: new URL("../..", import.meta.url).pathname,
    include: ["test/peers/**/*.test.ts"],
    globalSetup: ["test/support/owned.ts"],
    pool: "forks",
    fileParallelism: false,
    // A shared machine stands still now and then; what fails three times in a row is broken.
    retry: process.env.CI === undefined ? 0 : 2,
    testTimeout: 30_000,
    hookTimeout: 90_000,
  },
});
