import { createPrivateKey } from "node:crypto";
import type { Clock } from "../../core/clock.ts";
import { GatewayError } from "../../core/errors.ts";
import { formatOrigin, type Origin } from "../../core/origin.ts";
import type { Log } from "../../core/ports/log.ts";
import type { BrowserStep, LoginProvider, LoginRequest, Vouched } from "../../core/ports/login-provider.ts";
import type { ProviderSettings } from "../../core/settings.ts";
import type { ClaimMapping } from "../claims/map-claims.ts";
import type { Faults } from "../remote/provider-errors.ts";
import type { MetadataSource } from "./metadata/source.ts";
import { type SamlSettings, signingPlace } from "./settings.ts";
import type { DecryptionPolicy } from "./signature/decrypt.ts";
import type { SigningKey } from "./signature/sign.ts";

/**
 * Remembers ids of our own login requests, so that strangers' bad signatures cannot use up the metadata refresh that a real answer needs
 * after a key change. Each counts once. Bounded; a request of another process counts as a stranger's, which costs a minute at worst.
 */
interface AskedRequests {
  remember(id: string): void;
  /** Whether the document, unverified as it is, answers one of them. */
  isOurs(xml: string): boolean;
}

const mostAsked = 5_000;

export function createAskedRequests(): AskedRequests {
  const ids = new Set<string>();
  return {
    remember: (id) => {
      ids.add(id);
      const [oldest] = ids;
      if (ids.size > mostAsked && oldest !== undefined) ids.delete(oldest);
    },
    isOurs: (xml) => {
      const claimed = /\sInResponseTo=["']([^"']{1,128})["']/.exec(xml)?.[1] ?? "";
      return ids.delete(claimed);
    },
  };
}

/** What every step of the protocol needs to know about one provider. */
export interface SamlContext {
  readonly settings: ProviderSettings;
  readonly saml: SamlSettings;
  /** Our two endpoints, as messages must name them. */
  readonly acsUrl: string;
  readonly sloUrl: string;
  readonly source: MetadataSource;
  /** The requests of logins that this process began. */
  readonly asked: AskedRequests;
  /** The key that signs now; null = the configuration gives none. */
  signingKey(): SigningKey | null;
  readonly decryption: DecryptionPolicy;
  readonly mapping: ClaimMapping;
  readonly faults: Faults;
  readonly clock: Clock;
  readonly log: Log;
  /** See `ProviderDeps`. */
  readonly tellClaims?: (claims: Readonly<Record<string, unknown>>) => void;
}

/** The key that signs at the time it is asked for: one with a date takes over without a reload. */
export function signingKeys({ keys }: SamlSettings, clock: Clock): () => SigningKey | null {
  const ready = keys.map(({ key, certificate }) => ({ key: createPrivateKey(key.reveal()), certificate }));
  return () => ready[signingPlace(keys, clock())] ?? null;
}

export function decryptionPolicy({ keys, allowLegacyEncryption }: SamlSettings): DecryptionPolicy {
  return { keys: keys.map(({ key }) => key.reveal()), allowLegacy: allowLegacyEncryption };
}

/** Where a provider's answers and logout messages arrive: on the auth origin, under the provider's own name. */
export function ownEndpoints(authOrigin: Origin, provider: string): { readonly acsUrl: string; readonly sloUrl: string } {
  const here = `${formatOrigin(authOrigin)}/_vestibule/saml/${provider}`;
  return { acsUrl: `${here}/acs`, sloUrl: `${here}/slo` };
}

/**
 * The failure of an answer with its cure and the values of this side, where an operator has to put something right. Our own login's answer
 * also tells of the provider: its state has the sentence then. A stranger's says nothing about it.
 */
export function withFault(context: SamlContext, error: unknown, isOurs: boolean): unknown {
  const cure = error instanceof GatewayError ? cureOf(error, context) : null;
  if (!(error instanceof GatewayError) || cure === null) return error;
  const words = `${error.message}; ${cure}`;
  if (isOurs) context.faults.note(words);
  return new GatewayError(error.code, words, { cause: error.cause });
}

function cureOf({ code }: GatewayError, { saml, acsUrl, settings }: SamlContext): string | null {
  const here = `providers.${settings.id}.saml`;
  switch (code) {
    case "setup.request":
      return `does it know ${saml.entityId} with our present key (vestibule metadata ${settings.id}), and can it do what nameIdFormat and authnContext ask for?`;
    case "saml.audience":
      return `write ${saml.entityId} as our entity id there, or the id that it uses as ${here}.entityId`;
    case "saml.issuer-unknown":
      return `read the metadata of the provider that signs (${here}.metadata, metadataEntity, or idp.entityId)`;
    case "saml.destination":
      return `write ${acsUrl} as the assertion consumer service there`;
    case "saml.signature":
      return `give its present certificate (${here}.metadata or idp.certificates)`;
    case "saml.decrypt":
      return `give the provider the certificate of one of ${here}.keys (vestibule metadata ${settings.id})`;
    case "saml.clock-skew":
      return "set the clocks of both machines by NTP";
    default:
      return null;
  }
}

/** An answer that a browser brought by cross-site POST, where its cookies are absent: verified in all that needs no browser. */
export interface ReceivedAnswer {
  /** The `state` of the login that it answers, by the provider's signature; null = it was not asked for (IdP-initiated). */
  readonly state: string | null;
  /** Unsigned, and therefore no more than a hint where to go. */
  readonly relayState: string | null;
  /** The assertion may be used once: its id, and until when that must be remembered. */
  readonly replay: { readonly id: string; readonly until: number };
  /** The verified facts for `conclude`, to be kept where no visitor can write them. */
  readonly parcel: string;
}

/** A logout message as it arrived. The redirect binding signs the query string as it was written, so that is what counts. */
export type LogoutWire =
  | { readonly binding: "redirect"; readonly rawQuery: string }
  | { readonly binding: "post"; readonly form: URLSearchParams };

/** The provider ends sessions: all of an account, or those that it names. */
export interface LogoutRequested {
  readonly kind: "request";
  readonly id: string;
  readonly relayState: string | null;
  /** What `Session.providerAccount` holds for this NameID. */
  readonly providerAccount: string;
  /** What `Session.providerSession` may hold; empty = every session of the account. */
  readonly providerSessions: readonly string[];
  readonly replay: { readonly id: string; readonly until: number };
}

/** The provider answers our own request. */
export interface LogoutAnswered {
  readonly kind: "response";
  /** What `leave` was given, by the provider's signature. */
  readonly state: string;
  /** False when the provider could not, or would not, end everything. */
  readonly complete: boolean;
}

/**
 * A SAML 2.0 identity provider. A login's answer takes two steps, because the POST that brings it has no cookies: `receive` verifies
 * it, and `conclude` binds it to the browser that asked. Messages are signed by us wherever the configuration gives a key, and
 * believed only when they are signed by the provider. Failures are GatewayErrors with `saml.*` or `login.*` codes.
 */
export interface SamlProvider extends LoginProvider {
  readonly answersLogout: true;
  leave: NonNullable<LoginProvider["leave"]>;
  /** Our own metadata, signed where the configuration gives a key. */
  metadataDocument(): string;
  /** Verifies an answer: signature, issuer, audience, destination, times. Reads no cookie and remembers nothing. */
  receive(form: URLSearchParams): Promise<ReceivedAnswer>;
  /** Who the answer vouches for, checked against what this browser asked; null = nothing was asked (IdP-initiated). */
  conclude(
    parcel: string,
    asked: {
      readonly state: string;
      readonly memory: Readonly<Record<string, string>>;
      readonly request: Pick<LoginRequest, "acr" | "reauthenticate">;
    } | null,
  ): Promise<Vouched>;
  /** Verifies a logout message; throws `saml.logout-rejected` and the like. */
  acceptLogoutMessage(wire: LogoutWire): Promise<LogoutRequested | LogoutAnswered>;
  /** The signed answer to a provider's request, on its way there; null when the provider named no place for it. */
  answerLogout(request: LogoutRequested, outcome: "success" | "partial"): Promise<BrowserStep | null>;
}
