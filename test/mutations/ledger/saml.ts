import type { Chapter } from "../mutation.ts";
import { algorithms } from "./saml/algorithms.ts";
import { answers } from "./saml/answers.ts";
import { attributes } from "./saml/attributes.ts";
import { binding } from "./saml/binding.ts";
import { conditions } from "./saml/conditions.ts";
import { documents } from "./saml/documents.ts";
import { encryption } from "./saml/encryption.ts";
import { logout } from "./saml/logout.ts";
import { metadata } from "./saml/metadata.ts";
import { signatures } from "./saml/signatures.ts";

export const saml: Chapter = {
  title: "SAML 2.0 (Core 2.5, Profiles 4.1.4.3, Bindings 3.4-3.5)",
  promises: [
    ...answers,
    ...conditions,
    ...documents,
    ...attributes,
    ...signatures,
    ...algorithms,
    ...binding,
    ...logout,
    ...encryption,
    ...metadata,
  ],
};
