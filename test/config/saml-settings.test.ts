import { expect, test } from "vitest";
import { samlOf } from "../../src/login/saml/settings.ts";
import { loadText, minimal, settingsOf } from "./write-config.ts";

function samlWith(more: string) {
  const provider = `  adfs: { saml: { metadata: "https://adfs.acme.example/metadata.xml"${more} } }\n`;
  const settings = settingsOf(
    loadText(minimal.replace("providers:\n", `providers:\n${provider}`).replace("upstream:", "sharedSubjects: true\n    upstream:")),
  );
  const found = samlOf(settings.providers.find(({ id }) => id === "adfs")?.protocol ?? { kind: "none" });
  if (found === null) throw new Error("there is no SAML provider");
  return found;
}

test.each([
  { when: "nothing is said", more: "", means: null },
  { when: "emailAddress", more: ", nameIdFormat: emailAddress", means: "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress" },
  { when: "persistent", more: ", nameIdFormat: persistent", means: "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent" },
  { when: "a URI of any kind", more: ', nameIdFormat: "urn:acme:format"', means: "urn:acme:format" },
])("the NameID format, when written as $when: $means", ({ more, means }) => {
  expect(samlWith(more).nameIdFormat).toBe(means);
});

test("our entity id is the address of our metadata, unless it is said otherwise", () => {
  expect(samlWith("").entityId).toBe("https://auth.acme.example/_vestibule/saml/adfs/metadata");
  expect(samlWith(", entityId: urn:acme:eu").entityId).toBe("urn:acme:eu");
});
