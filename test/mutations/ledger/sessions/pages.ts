import type { SecurityPromise } from "../../mutation.ts";

export const pages: readonly SecurityPromise[] = [
  {
    promise: "Values reflected in pages are escaped.",
    mutations: [
      {
        file: "src/control/pages/layout.ts",
        find: '<p class="lead">${lead}</p>',
        replace: '<p class="lead">${raw(lead)}</p>',
        test: "test/attack/pages-injection.test.ts",
        named: 'no page runs "\\"><script>alert(1)</script>", wherever it stands',
      },
      {
        file: "src/control/pages/chooser-page.ts",
        find: 'value="${email}"',
        replace: 'value="${Object.assign(new String(email), { isEscaped: true })}"',
        test: "test/attack/pages-injection.test.ts",
        named: 'nothing sent with a request comes back unescaped: "<img src=x onerror=alert(1)>"',
      },
      {
        file: "src/control/pages/html.ts",
        find: 'name="${name}" value="${value}"',
        replace: 'name="${name}" value="${Object.assign(new String(value), { isEscaped: true })}"',
        test: "test/attack/pages-injection.test.ts",
        named: 'no page runs "<img src=x onerror=alert(1)>", wherever it stands',
      },
    ],
  },
  {
    promise: "No `javascript:` address becomes a link or a form's target.",
    mutations: [
      {
        file: "src/control/pages/html.ts",
        find: "return local || /^https?:\\/\\/[^/]/i.test(url) ? url : null;",
        replace: "return url;",
        test: "test/attack/pages-injection.test.ts",
        named: 'no page runs "javascript:alert(1)", wherever it stands',
      },
    ],
  },
  {
    promise: "CSP without unsafe-inline, on every page: one style and at most one script, by their hashes.",
    mutations: [
      {
        file: "src/control/pages/render-page.ts",
        find: "`style-src ${styleHash}`",
        replace: "\"style-src 'unsafe-inline'\"",
        test: "test/attack/pages-injection.test.ts",
        named: "every page allows one style by its hash",
      },
      {
        file: "src/control/pages/render-page.ts",
        find: "`script-src ${hashOf(continueScript)}`",
        replace: "\"script-src 'unsafe-inline'\"",
        test: "test/attack/pages-injection.test.ts",
        named: "every page allows one style by its hash",
      },
      {
        file: "src/control/pages/render-page.ts",
        find: "\"default-src 'none'\",\n",
        replace: "",
        test: "test/attack/pages-injection.test.ts",
        named: "every page allows one style by its hash",
      },
      {
        file: "src/control/pages/render-page.ts",
        find: "\"base-uri 'none'\",\n",
        replace: "",
        test: "test/attack/pages-injection.test.ts",
        named: "every page allows one style by its hash",
      },
      {
        file: "src/control/pages/render-page.ts",
        find: "hasForm ? `'self' ${schemes}` : \"'none'\"",
        replace: "`'self' ${schemes}`",
        test: "test/attack/pages-injection.test.ts",
        named: "every page allows one style by its hash",
      },
    ],
  },
  {
    promise: "Every page carries `frame-ancestors 'none'`, nosniff, no-store and a Referrer-Policy.",
    mutations: [
      {
        file: "src/control/pages/render-page.ts",
        find: "\"frame-ancestors 'none'\",\n",
        replace: "",
        test: "test/attack/pages-injection.test.ts",
        named: "every page allows one style by its hash",
      },
      {
        file: "src/control/pages/render-page.ts",
        find: '["X-Frame-Options", "DENY"],\n',
        replace: "",
        test: "test/attack/pages-injection.test.ts",
        named: "every page allows one style by its hash",
      },
      {
        file: "src/control/pages/render-page.ts",
        find: '["X-Content-Type-Options", "nosniff"],\n',
        replace: "",
        test: "test/attack/pages-injection.test.ts",
        named: "every page allows one style by its hash",
      },
      {
        file: "src/control/pages/render-page.ts",
        find: '["Cache-Control", "no-store"],\n',
        replace: "",
        test: "test/attack/pages-injection.test.ts",
        named: "every page allows one style by its hash",
      },
      {
        file: "src/control/pages/render-page.ts",
        find: '["Referrer-Policy", "same-origin"],\n',
        replace: "",
        test: "test/attack/pages-injection.test.ts",
        named: "every page allows one style by its hash",
      },
    ],
  },
  {
    promise: "Every other answer of the control plane carries them, too.",
    mutations: [
      {
        file: "src/control/answers.ts",
        find: "; frame-ancestors 'none'",
        replace: "",
        test: "test/attack/pages-injection.test.ts",
        named: "every control answer is kept nowhere, sniffed by nobody and framed by nobody",
      },
      {
        file: "src/control/answers.ts",
        find: '  ["X-Frame-Options", "DENY"],\n',
        replace: "",
        test: "test/attack/pages-injection.test.ts",
        named: "every control answer is kept nowhere, sniffed by nobody and framed by nobody",
      },
      {
        file: "src/control/answers.ts",
        find: '  ["X-Content-Type-Options", "nosniff"],\n',
        replace: "",
        test: "test/attack/pages-injection.test.ts",
        named: "every control answer is kept nowhere, sniffed by nobody and framed by nobody",
      },
      {
        file: "src/control/answers.ts",
        find: '  ["Cache-Control", "no-store"],\n',
        replace: "",
        test: "test/attack/pages-injection.test.ts",
        named: "every control answer is kept nowhere, sniffed by nobody and framed by nobody",
      },
      {
        file: "src/control/answers.ts",
        find: '  ["Referrer-Policy", "no-referrer"],\n  ["X-Content',
        replace: '  ["X-Content',
        test: "test/attack/pages-injection.test.ts",
        named: "every control answer is kept nowhere, sniffed by nobody and framed by nobody",
      },
    ],
  },
  {
    promise: "Refusals of requests are kept by nobody and sniffed by nobody.",
    mutations: [
      {
        file: "src/http/answer.ts",
        find: '    ["Cache-Control", "no-store"],\n',
        replace: "",
        test: "test/attack/http-requests.test.ts",
        named: "every refusal carries a request id, is kept by nobody",
      },
      {
        file: "src/http/answer.ts",
        find: '    ["X-Content-Type-Options", "nosniff"],\n',
        replace: "",
        test: "test/attack/http-requests.test.ts",
        named: "every refusal carries a request id, is kept by nobody",
      },
    ],
  },
];
