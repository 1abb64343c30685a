import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { afterAll, beforeAll, expect } from "vitest";
import { launchChromium } from "./chromium.ts";
import { type RunningDemo, startDemo } from "./demo-process.ts";

export interface DemoPages {
  /** Running while the tests of the file run. */
  readonly demo: RunningDemo;
  readonly browser: () => Browser;
  /** A page in a context of its own. What the browser asks of other hosts, or complains of, fails the test. */
  withPage(options: BrowserContextOptions, work: (page: Page) => Promise<void>): Promise<void>;
}

/** Which complaints of the browser count: those about the Content Security Policy, or all errors, a refused page (403) among them. */
export type Watched = "policy" | "errors";

/** The demo and a Chromium for all tests of a file, ended after them: by the demo's own exit code 0. */
export function useDemo(watched: Watched = "policy"): DemoPages {
  let running: RunningDemo | undefined;
  beforeAll(async () => {
    running = await startDemo();
  });
  afterAll(async () => {
    if (running !== undefined) expect(await running.stop()).toBe(0);
  });
  // What is registered last ends first: the demo waits for no page that is open still.
  const browser = useChromium();
  const now = <T>(one: T | undefined): T => {
    if (one === undefined) throw new Error("the demo runs only while tests do");
    return one;
  };
  return {
    demo: {
      get auth() {
        return now(running).auth;
      },
      get wiki() {
        return now(running).wiki;
      },
      get reports() {
        return now(running).reports;
      },
      output: () => now(running).output(),
      stop: () => now(running).stop(),
    },
    browser,
    withPage: async (options, work) => {
      const context = await browser().newContext(options);
      try {
        context.setDefaultTimeout(20_000);
        const page = await context.newPage();
        const problems = watch(page, watched);
        await work(page);
        expect(problems).toEqual([]);
      } finally {
        await context.close();
      }
    },
  };
}

/** One Chromium for all tests of a file, closed after them. */
export function useChromium(): () => Browser {
  let running: Browser | undefined;
  beforeAll(async () => {
    running = await launchChromium();
  });
  afterAll(() => running?.close());
  return () => {
    if (running === undefined) throw new Error("Chromium runs only while tests do");
    return running;
  };
}

function watch(page: Page, watched: Watched): readonly string[] {
  const problems: string[] = [];
  page.on("console", (message) => {
    if ((watched === "errors" && message.type() === "error") || message.text().includes("Content Security Policy"))
      problems.push(message.text());
  });
  page.on("request", (request) => {
    const { hostname } = new URL(request.url());
    if (!hostname.endsWith("localhost") && hostname !== "127.0.0.1" && !request.url().startsWith("data:")) problems.push(request.url());
  });
  return problems;
}
