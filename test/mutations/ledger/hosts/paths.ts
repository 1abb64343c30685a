import type { SecurityPromise } from "../../mutation.ts";

const edge = "test/attack/paths.test.ts";
const path = "src/core/path.ts";
const ambiguous = "is ambiguous and refused";

export const hostsPaths: readonly SecurityPromise[] = [
  {
    promise: "A path with a backslash, a `#`, or a control character (NUL too, encoded or not) is refused.",
    mutations: [
      { file: path, find: " || code === 0x5c ||", replace: " ||", test: edge, named: `/open\\admin ${ambiguous}` },
      {
        file: "src/http/target.ts",
        find: 'if (target.includes("#")) throw new GatewayError("request.path-ambiguous", "a fragment in the target");',
        replace: "",
        test: "test/attack/http-requests.test.ts",
        named: "a fragment in the query: 400, the connection closes, nothing reaches the upstream",
      },
      {
        file: path,
        find: 'if (escaped.controls) return { text: null, why: "an encoded control character" };',
        replace: "",
        test: edge,
        named: `/admin%00 ${ambiguous}`,
      },
      {
        file: path,
        find: "return code < 0x20 || code === 0x7f;",
        replace: "return code === 0;",
        test: edge,
        named: `/open%0d%0aX:y ${ambiguous}`,
      },
      {
        file: path,
        find: "return code < 0x20 || code === 0x7f;",
        replace: "return code < 0x20;",
        test: edge,
        named: `/open%7f ${ambiguous}`,
      },
    ],
  },
  {
    promise:
      "A path with a dot segment is refused, in whatever encoding: plain, escaped once or twice, before a parameter, between any slashes.",
    mutations: [
      {
        file: path,
        find: "if (previous === SLASH && (code === SLASH || code === 0x2e)) return false;",
        replace: "if (previous === SLASH && code === SLASH) return false;",
        test: edge,
        named: `/open/../admin ${ambiguous}`,
      },
      {
        file: path,
        find: "(?:^|\\/)\\.{1,2}(?:\\/|$)",
        replace: "(?:^|\\/)\\.{2}(?:\\/|$)",
        test: edge,
        named: `/open/%2e/admin ${ambiguous}`,
      },
      { file: path, find: "(?:^|\\/)\\.{1,2}(?:\\/|$)", replace: "(?:^|\\/)\\.{1,2}\\/", test: edge, named: `/open/.. ${ambiguous}` },
      {
        file: path,
        find: "for (const reading of readings) if (hasDotSegment(reading))",
        replace: "if (hasDotSegment(plain.text))",
        test: edge,
        named: `/open/..;/admin ${ambiguous}`,
      },
      {
        file: path,
        find: "for (const reading of readings) if (hasDotSegment(reading))",
        replace: "if (hasDotSegment(plain.text))",
        test: edge,
        named: `/open/..%2fadmin ${ambiguous}`,
      },
      {
        file: path,
        find: "for (const once of [plain, decodeAgain(plain)]) {",
        replace: "for (const once of [plain]) {",
        test: edge,
        named: `/open/%252e%252e/admin ${ambiguous}`,
      },
    ],
  },
  {
    promise: "An invalid or overlong percent sequence is refused: broken digits, overlong UTF-8, surrogates, what lies beyond Unicode.",
    mutations: [
      {
        file: path,
        find: 'if (escaped === null) return { text: null, why: "a percent-escape that is not valid UTF-8" };',
        replace: 'if (escaped === null) {\n        text += "%25";\n        at += 1;\n        continue;\n      }',
        test: edge,
        named: `/%zz ${ambiguous}`,
      },
      {
        file: path,
        find: "first >= 0xc2 && first <= 0xdf",
        replace: "first >= 0xc0 && first <= 0xdf",
        test: edge,
        named: `/%c0%afadmin ${ambiguous}`,
      },
      { file: path, find: "if (first === 0xe0) return second >= 0xa0;", replace: "", test: edge, named: `/%e0%80%afadmin ${ambiguous}` },
      { file: path, find: "if (first === 0xed) return second <= 0x9f;", replace: "", test: edge, named: `/%ed%a0%80 ${ambiguous}` },
      {
        file: path,
        find: "first >= 0xf0 && first <= 0xf4",
        replace: "first >= 0xf0 && first <= 0xf7",
        test: edge,
        named: `/%f5%80%80%80 ${ambiguous}`,
      },
    ],
  },
];
