import type { Chapter } from "../promise.ts";

/** What operators look at and act with: the admin listener, the console, the API. */
export const operatorsPages: Chapter = {
  title: "The console and the API",
  promises: [
    {
      promise: "No other site's page makes an operator's browser act: a form counts only when the console's own page sent it (CSRF).",
      tests: {
        "test/admin/console-sign-on.test.ts": [
          "another site's form: 403",
          "a sandboxed page's form: 403",
          "a form of a neighbour's host: 403",
          "a request that says nothing of where it comes from: 403",
          "an operator's own form: 303",
        ],
        "test/e2e/console.test.ts": ["who is signed in is found, and ended after a count"],
      },
    },
    {
      promise: "Readers look and cannot act: they see no button, and the gateway and the console both refuse their forms.",
      tests: {
        "test/admin/console-sign-on.test.ts": ["a reader's own form: 403"],
        "test/e2e/console.test.ts": ["on its own host the console is behind single sign-on: admins act, readers look, others are refused"],
      },
    },
    {
      promise: "The admin listener answers for its own names alone, so that no page rebinds a name to it (DNS rebinding).",
      tests: {
        "test/admin/console-sign-on.test.ts": [
          "the listener asked for as 'evil-admin.internal' answers 421",
          "the listener asked for as '127.0.0.1.evil.example' answers 421",
          "the listener asked for as 'admin.internal.:80' answers 200",
        ],
        "test/e2e/console.test.ts": [
          "the admin listener believes no one who merely names the console's host, and answers no other site's name",
        ],
      },
    },
    {
      promise: "A page of the console runs one script and one style by their hashes, nothing inline, and stands in no frame.",
      tests: {
        "test/admin/console-sign-on.test.ts": ["a page of the console is framed by no other, runs one script, and is kept by no cache"],
      },
    },
    {
      promise: "What a stranger or a directory writes (markup, turned lines, lists without end) runs nothing and breaks no page.",
      tests: {
        "test/browser/strangers.test.ts": ["hostile names break no page of the console and run nothing: light"],
        "test/pages/render-page.test.ts": ["a name that turns the direction of a line turns none; what a form sends stays as it is"],
      },
    },
    {
      promise: "The API answers to console.token as a bearer alone, which no browser sends by itself.",
      tests: {
        "test/admin/api.test.ts": [
          "no token is refused with a problem",
          "a part of the token is refused with a problem",
          "the token counts in one Authorization field alone",
        ],
      },
    },
    {
      promise:
        "On its own host the console believes the gateway's signed assertion alone, made for it and not over; elsewhere the token's cookie alone.",
      tests: {
        "test/admin/console-sign-on.test.ts": [
          "nobody by an assertion for another app: 401",
          "nobody by one of another key: 401",
          "nobody by the token's cookie: 401",
          "nobody eight hours later: 401",
        ],
      },
    },
    {
      promise: "No body of the admin listener is read without a bound, and none before the form is the console's own.",
      tests: { "test/e2e/console.test.ts": ["a body without an end is cut off before anybody is signed in"] },
    },
    {
      promise: "Ending names whose sessions: no condition, everyone beside another condition and a misspelt one end nothing.",
      tests: {
        "test/admin/api.test.ts": ["no condition at all ends nothing", "everyone together with a condition ends nothing"],
      },
    },
  ],
};
