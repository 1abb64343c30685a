import type { SecurityPromise } from "../../mutation.ts";

const flow = "test/attack/identity-headers-arriving.test.ts";
const values = "test/attack/identity-headers-values.test.ts";
const unit = "test/upstream/identity-headers.test.ts";
const compiled = "src/upstream/identity-headers.ts";
const template = "src/upstream/identity-template.ts";
const value = "src/upstream/identity-value.ts";

/** What the identity headers say. */
export const identityValues: readonly SecurityPromise[] = [
  {
    promise: "A claim that is missing gives no header, and never the caller's.",
    mutations: [
      {
        file: compiled,
        find: 'return { kind: "edit", edit: { removes, set } };',
        replace: 'return { kind: "edit", edit: { removes: (name) => removes(name) && set.length === rules.length, set } };',
        test: flow,
        named: "of a visitor without an address arrives exactly what the session says",
      },
      {
        file: template,
        find: 'if (value === null || value === "") return { kind: "missing" };',
        replace: 'if (value === null || value === "") return { kind: "text", text: "" };',
        test: unit,
        named: "one of two missing in {name} <{email}>: null",
      },
      {
        file: template,
        find: "Object.hasOwn(principal.extra, name) ? list",
        replace: "name in principal.extra ? list",
        test: unit,
        named: "an attribute that every object has in {extra.constructor}: null",
      },
    ],
  },
  {
    promise: "Groups that are known to be none give an explicit empty header; groups that are not known refuse the request.",
    mutations: [
      {
        file: compiled,
        find: "if (members.length === 0 && parts.length > 1)",
        replace: "if (members.length === 0)",
        test: unit,
        named: "groups, none:",
      },
      {
        file: template,
        find: 'return { kind: "unknown", why:',
        replace: 'return list([]);\n  return { kind: "unknown", why:',
        test: flow,
        named: "groups that nobody knows: refused, and nothing arrives",
      },
    ],
  },
  {
    promise: "Values with CR, LF, NUL or another control character are refused.",
    mutations: [
      {
        file: value,
        find: "code < 0x20 ||",
        replace: "(code < 0x20 && code !== 0x0d) ||",
        test: values,
        named: "no control character gets into a header, encoded as utf8",
      },
      {
        file: value,
        find: "code < 0x20 ||",
        replace: "(code < 0x20 && code !== 0x0a) ||",
        test: flow,
        named: "a line break in a group: refused, and nothing arrives",
      },
      {
        file: value,
        find: "code < 0x20 ||",
        replace: "(code < 0x20 && code !== 0) ||",
        test: flow,
        named: "a NUL in the address: refused, and nothing arrives",
      },
      {
        file: value,
        find: "(code >= 0x7f && code <= 0x9f)",
        replace: "code === 0x7f",
        test: values,
        named: "no control character gets into a header, encoded as percent",
      },
      {
        file: template,
        find: 'if (problem !== null) return { kind: "unfit", why: `a member',
        replace: 'if (problem !== null) continue;\n    if (problem !== null) return { kind: "unfit", why: `a member',
        test: values,
        named: "no control character gets into a header, encoded as rfc8187",
      },
    ],
  },
  {
    promise: "A value that cannot be sent as it is refuses the request; it is not repaired into somebody else's.",
    mutations: [
      {
        file: value,
        find: 'if (!text.isWellFormed()) return "is not well-formed Unicode";',
        replace: "",
        test: values,
        named: "a broken surrogate in the subject is refused, not repaired into somebody else",
      },
      {
        file: template,
        find: "if (value !== null && value !== value.trim())",
        replace: "if (value === undefined)",
        test: flow,
        named: "a subject with a space behind it: refused, and nothing arrives",
      },
      {
        file: "src/gateway/handle-request.ts",
        find: "const headers = deps.prepareHeaders({ incoming, route, site, identity: decision.identity });",
        replace:
          "const told = deps.prepareHeaders({ incoming, route, site, identity: decision.identity });\n" +
          'const headers = told.kind === "edit" ? told : deps.prepareHeaders({ incoming, route, site, identity: null });',
        test: flow,
        named: "groups that nobody knows: refused, and nothing arrives",
      },
      {
        file: compiled,
        find: 'if (rendered.kind === "refuse") return refuse(',
        replace: 'if (rendered.kind === "refuse") continue;\n    if (rendered.kind === "refuse") return refuse(',
        test: flow,
        named: "a line break in the name: refused, and nothing arrives",
      },
      {
        file: template,
        find: ': { kind: "unfit", why: problem };',
        replace: ': { kind: "unfit", why: problem + value };',
        test: values,
        named: "why a header was refused names the header and never the value",
      },
    ],
  },
  {
    promise: "Text beyond ASCII travels by the configured encoding, and nothing decodes to another text than it was.",
    mutations: [
      {
        file: value,
        find: 'Buffer.from(text, "utf8").toString("latin1");\n    case',
        replace: 'Buffer.from(text, "latin1").toString("latin1");\n    case',
        test: values,
        named: "benign twin: letters that a cut to one byte would",
      },
      {
        file: value,
        find: "text.replace(/[^\\x20-\\x7e]+|%/gu, percentEncode)",
        replace: "text.replace(/[^\\x20-\\x7e]+/gu, percentEncode)",
        test: values,
        named: "a subject %61dmin does not decode to admin, encoded as percent",
      },
      {
        file: value,
        find: ' || text.indexOf("\'") !== text.lastIndexOf("\'")',
        replace: "",
        test: values,
        named: "a subject UTF-8''%61dmin does not decode to admin, encoded as rfc8187",
      },
      {
        file: compiled,
        find: "const encoded = encodeValue(text, encoding);",
        replace: 'const encoded = encodeValue(text, "utf8");',
        test: unit,
        named: "letters outside ASCII travel as rfc8187",
      },
    ],
  },
  {
    promise: "A separator inside a group's name, in any disguise, never makes a second group.",
    mutations: [
      {
        file: value,
        find: "core.replace(pattern, percentEncode)",
        replace: "core",
        test: values,
        named: "a group named staff,admins stays one group between ,",
      },
      {
        file: value,
        find: 'const percent = exact ? "%" :',
        replace: 'const percent = exact ? "%(?!)" :',
        test: values,
        named: "a group named staff%2Cadmins stays one group between ,",
      },
      {
        file: value,
        find: "return percentEncode(member.slice(0, start)) + core",
        replace: "return core",
        test: values,
        named: "whatever the names, splitting at the separator gives each group back, encoded as utf8",
      },
      {
        file: template,
        find: "exact: true, read: groups",
        replace: "exact: false, read: groups",
        test: values,
        named: "whatever the names, splitting at the separator gives each group back, encoded as percent",
      },
    ],
  },
  {
    promise: "Sizes are capped by refusing (8 KiB each, 16 KiB together, as they travel); nothing is cut off or left out.",
    mutations: [
      {
        file: compiled,
        find: "return encoded.length > maxValueBytes ? tooLong() :",
        replace: "return",
        test: unit,
        named: "a value is measured in bytes as it travels",
      },
      {
        file: compiled,
        find: "return unfit(`more than",
        replace: 'return { kind: "missing" };\n  return unfit(`more than',
        test: flow,
        named: "more groups than a header holds: refused, and nothing arrives",
      },
      {
        file: compiled,
        find: "if (total > maxTotalBytes) return",
        replace: "if (total < 0) return",
        test: unit,
        named: "headers that are too large together are refused, none is left out",
      },
    ],
  },
];
