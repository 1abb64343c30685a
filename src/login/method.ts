import type { z } from "zod";
import type { KeyPath, Report } from "../config/problems/report.ts";
import type { References } from "../config/values/references.ts";
import type { Endpoint } from "../control/router.ts";
import type { Clock } from "../core/clock.ts";
import type { Origin } from "../core/origin.ts";
import type { Audit, Log } from "../core/ports/log.ts";
import type { LoginProvider } from "../core/ports/login-provider.ts";
import type { Metrics } from "../core/ports/metrics.ts";
import type { Store } from "../core/ports/store.ts";
import type { Tracing } from "../core/ports/tracing.ts";
import type { AttributeSettings, InsecureSettings, MethodSettings, ProviderSettings } from "../core/settings.ts";
import type { FlowParts } from "./flow/parts.ts";

/**
 * One way to log in: all that the rest of the program knows of it. A method has a folder beside this file and a row in `methods.ts`;
 * nothing else names it. `File` is what its schema makes of the file, `Made` the kind of provider that it makes.
 */
export interface LoginMethod<File = unknown, Made extends LoginProvider = LoginProvider> {
  /** Its key in the file, the `kind` of its settings and its providers, and the first word of its addresses. */
  readonly id: string;
  /** As operators call it: `SAML`. */
  readonly name: string;
  /** The key's description in the JSON schema. */
  readonly describe: string;
  /** What may stand under its key. Secrets and certificates are references, read before `check`. */
  readonly schema: z.ZodType<File>;
  /** Where its providers put what they say of a person, unless the file says otherwise. */
  readonly attributes: Omit<AttributeSettings, "extra">;
  /** Routes may name its providers under `bearer`. */
  readonly issuesBearerTokens: boolean;
  /** The providers that an app which accepts this one accepts, too: a visitor who is handed on to a fallback must be let in. */
  leadsTo?(file: File): readonly string[];
  /** The provider whose people, subjects and groups these are, where they are not its own; null when they are. */
  peopleOf?(file: File): string | null;
  /** Reports everything that is wrong although each key by itself looks right. */
  check(file: File, context: MethodCheck): void;
  /** Only for a file without problems. */
  settings(file: File, context: MethodContext): MethodSettings;
  /** What the provider has to know about us, for `vestibule urls`; absent = nothing. `origin` is the auth origin. */
  register?(provider: ProviderSettings, origin: string): readonly Registration[];
  /** Fetches nothing: a gateway starts without its providers. */
  create(deps: ProviderDeps): Made;
  /** Its addresses, all below `/<id>/:provider`. `providers` are those of this method by their ids. */
  endpoints(parts: FlowParts, providers: ReadonlyMap<string, Made>): readonly Endpoint[];
}

/** One value to enter at a provider: what it is called there, and the value to the letter. */
export interface Registration {
  readonly what: string;
  readonly value: string;
}

/** What a method needs to judge its part of the file. */
export interface MethodCheck {
  /** The provider's id. */
  readonly id: string;
  /** The key of the method itself: `providers.entra.oidc`. */
  readonly path: KeyPath;
  /** Whether this hole is opened under `insecure`. */
  allowed(hole: keyof InsecureSettings): boolean;
  /** All providers of the file by id; null for a misshapen one. What a method finds of another's is under that one's key. */
  readonly others: ReadonlyMap<string, object | null>;
  readonly references: References;
  /** Milliseconds since the epoch: certificates run out. */
  readonly now: number;
  readonly report: Report;
}

/** What turning a method's part of the file into settings needs besides the part itself. */
export interface MethodContext {
  readonly id: string;
  readonly authOrigin: Origin;
  readonly references: References;
}

/** What a provider is made from. It lives as long as its settings stay the same, over reloads. */
export interface ProviderDeps {
  readonly settings: ProviderSettings;
  readonly authOrigin: Origin;
  /** Claims that some rule asks about: recorded at login. */
  readonly claimNames: readonly string[];
  /** `insecure.httpProviders`: its addresses may be http. */
  readonly allowHttp: boolean;
  /** The provider to which a mail domain belongs. */
  readonly ownerOfDomain: (domain: string) => string | null;
  /** A mail domain that its owner must prove and has not: its addresses are as good as unverified. Absent = there is nothing to prove. */
  readonly isUnproven?: (domain: string) => boolean;
  /** Hears what the provider said of a person, before the mapping: for a login that is only tried. Absent in a gateway. */
  readonly tellClaims?: (claims: Readonly<Record<string, unknown>>) => void;
  /** Another provider of the same configuration, looked up when it is needed: a fallback, a directory to ask. */
  readonly provider: (id: string) => LoginProvider | undefined;
  readonly store: Pick<Store, "facts" | "documents">;
  readonly clock: Clock;
  readonly log: Log;
  readonly audit: Audit;
  readonly metrics: Metrics;
  /** Spans around requests to the provider; absent = none. */
  readonly tracing?: Tracing;
}
