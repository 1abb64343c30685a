import { expect, test } from "vitest";
import { managedNames } from "../../src/upstream/headers/identity.ts";
import { anApp, aRoute, headerSettings, someSettings } from "../support/policy-builders.ts";

/**
 * The attack: a caller sends an identity header in a spelling that the gateway does not recognise but the application does
 * (CGI, WSGI, PHP and Java turn `-`, `_`, `.` and case into one), on any route of any app.
 */
const configured = ["Remote-User", "X-Department", "X-Vestibule-Assertion", "Shop-Login"];
const settings = someSettings([
  anApp({ routes: [aRoute({ headers: headerSettings({ assertion: { header: "X-Vestibule-Assertion" } }) })] }),
  anApp({
    hosts: ["shop.acme.example"],
    routes: [
      aRoute({
        headers: headerSettings({
          set: ["X-Department", "Shop-Login"].map((name) => ({ name, template: "{subject}", separator: ",", only: null })),
        }),
      }),
    ],
  }),
]);
const wellKnown = [
  ...["Remote-Email", "Remote-Name", "Remote-Groups", "Remote-Anything", "X-Remote-User"],
  ...["X-Forwarded-User", "X-Forwarded-Email", "X-Forwarded-Groups", "X-Forwarded-Preferred-Username", "X-Forwarded-Access-Token"],
  ...["X-Auth-Request-User", "X-Auth-Request-Email", "X-Auth-Request-Redirect", "X-WEBAUTH-USER", "X-WEBAUTH-GROUP"],
];

/** Every way to write the name with other signs in place of its hyphens, in three cases. */
function spellings(name: string): readonly string[] {
  const signs = ["-", "_", ".", "~", "!", "'", "*", "+", "^", "`", "|", "#", "$", "%", "&"];
  const parts = name.split("-");
  const joined = parts
    .slice(1)
    .reduce<string[]>((soFar, part) => soFar.flatMap((head) => signs.map((sign) => `${head}${sign}${part}`)), [parts[0] ?? ""]);
  const alternating = (text: string) =>
    [...text].map((letter, index) => (index % 2 ? letter.toUpperCase() : letter.toLowerCase())).join("");
  return joined.flatMap((spelling) => [spelling, spelling.toLowerCase(), spelling.toUpperCase(), alternating(spelling)]);
}

test.each([...configured, ...wellKnown])("%s is the gateway's in every spelling", (name) => {
  const { isManaged } = managedNames(settings);
  expect(spellings(name).filter((spelling) => !isManaged(spelling))).toEqual([]);
});

test("benign twin: headers that only look similar reach the application", () => {
  const { isManaged } = managedNames(settings);
  const passing = [
    ...["Remote", "RemoteUser", "My-Remote-User", "X-Departments", "X-Depart-Ment", "Shop-Login-Hint", "X-Vestibule", "X-Who"],
    ...["X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Forwarded-Users", "X-Auth-Token", "X-Requested-With", "X-Webauthn"],
    ...["Authorization", "Accept", "Cookie", "Content-Type", "User-Agent", "X-CSRF-Token", "If-None-Match", "Sec-Fetch-Site"],
  ];
  expect(passing.filter(isManaged)).toEqual([]);
});

test("a flood of invented names neither hides a managed one nor grows for ever", () => {
  const { isManaged } = managedNames(settings);
  for (let index = 0; index < 20_000; index += 1) expect(isManaged(`X-Flood-${index}`)).toBe(false);
  expect(isManaged("REMOTE_USER")).toBe(true);
  expect(isManaged(`Remote-${"x".repeat(8_000)}`)).toBe(true);
  expect(isManaged(`X-${"x".repeat(8_000)}`)).toBe(false);
});

test("a header that another app gets is taken from callers of every app", () => {
  const { isManaged } = managedNames(settings);
  expect(["x_department", "Shop.Login"].map(isManaged)).toEqual([true, true]);
});
