import { defineConfig } from "vitest/config";

/** Everything but the browser's tests and those with real peers. Files run in parallel processes; each one picks free ports of its own. */
export default defineConfig({
  test: {
    root: new URL("..", import.meta.url).pathname,
    include: ["test/**/*.test.ts"],
    exclude: ["test/browser/**", "test/peers/**", "node_modules/**"],
    globalSetup: ["test/support/owned.ts"],
    pool: "forks",
    maxWorkers: 2,
    // A shared machine stands still now and then; what fails three times in a row is broken.
    retry: process.env.CI === undefined ? 0 : 2,
    testTimeout: 30_000,
    hookTimeout: 60_000,
    unstubEnvs: true,
  },
});
