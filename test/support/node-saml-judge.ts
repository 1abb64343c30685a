import { type Profile, SAML } from "@node-saml/node-saml";
import type { VerifiedAnswer } from "../../src/login/saml/messages/response.ts";
import { acs, idp, sp } from "./saml-documents.ts";

/** What `@node-saml/node-saml` makes of an answer: another implementation, whose reading ours is held against. */
export interface Judge {
  /** The facts that both state, as text; null where the judge refuses, with its reason. */
  read(xml: string): Promise<{ readonly facts: string } | { readonly refused: string }>;
}

/** It judges signatures and contents, not times: the documents are of another day. */
export function createJudge(keys: { readonly idp: string; readonly decryption?: string }): Judge {
  const judge = new SAML({
    issuer: sp,
    audience: sp,
    callbackUrl: acs,
    idpIssuer: idp,
    idpCert: keys.idp,
    acceptedClockSkewMs: -1,
    wantAssertionsSigned: false,
    wantAuthnResponseSigned: false,
    ...(keys.decryption === undefined ? {} : { decryptionPvk: keys.decryption }),
  });
  return {
    read: async (xml) => {
      try {
        const { profile } = await judge.validatePostResponseAsync({ SAMLResponse: Buffer.from(xml).toString("base64") });
        return profile === null ? { refused: "no profile" } : { facts: factsOfProfile(profile) };
      } catch (error) {
        return { refused: error instanceof Error ? error.message : String(error) };
      }
    },
  };
}

/** Our reading in the judge's terms. It trims nothing, and joins nothing. */
export function factsOf(answer: VerifiedAnswer): string {
  const attributes = answer.attributes.filter(({ values }) => values.length > 0).map(({ name, values }) => [name, values]);
  return JSON.stringify([answer.nameId?.value ?? null, answer.sessionIndex, attributes]);
}

function factsOfProfile(profile: Profile): string {
  const attributes = Object.entries((profile.attributes ?? {}) as Record<string, unknown>).map(([name, value]) => [
    name,
    Array.isArray(value) ? value : [value],
  ]);
  return JSON.stringify([profile.nameID ?? null, profile.sessionIndex ?? null, attributes]);
}
