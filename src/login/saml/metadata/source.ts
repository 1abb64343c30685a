import type { ProviderHealth } from "../../../core/ports/login-provider.ts";
import type { SamlSettings } from "../settings.ts";
import { createExpiryWatch, describeMetadata } from "./expiry.ts";
import { type IdpMetadata, type SamlEndpoint, unusableMetadata, usableMetadata } from "./idp-metadata.ts";
import { createMetadataRefresh, haveSameKeys, isDue, type MetadataRefresh, type RefreshDeps } from "./refresh.ts";
import { urlProblem } from "./role.ts";

export interface MetadataSourceDeps extends Omit<RefreshDeps, "source" | "fetch" | "spread"> {
  readonly fetch?: typeof fetch;
  /** Default: Math.random. */
  readonly spread?: () => number;
}

/** One provider's metadata: always the last good one, and never past its validity. */
export interface MetadataSource {
  /**
   * What to use now. Rejects with `saml.metadata-unusable` (503), within 5 s, when there never was a good document or the last one's
   * validity has ended: then logins are refused, and verification is never skipped.
   */
  get(): Promise<IdpMetadata>;
  /**
   * For when no key of `used` verified a signature: what has come since, else one fetch now, at most once a minute, so that a changed
   * certificate costs no login and a flood of forgeries no more than that. Null when the keys are the same still.
   */
  renewed(used: IdpMetadata, why: "asked" | "unasked"): Promise<IdpMetadata | null>;
  /** Begins to load and to refresh in the background. `get` works without it. */
  start(): void;
  /** What the last contact gave; reaches out to no other system. */
  health(): ProviderHealth;
  /** Fetches now and says what was found, for `check --online`. Never rejects. */
  probe(): Promise<{ readonly ok: boolean; readonly detail: string }>;
  close(): void;
}

/** A stranger can send any number of bad signatures; answers to logins that we began are as many as those. */
const forcedPauseMs = { asked: 5_000, unasked: 60_000 } as const;

/** The source that the configuration names: a URL or a file that is refreshed, or `idp:` by hand. Nothing is read before it is needed. */
export function createMetadataSource(deps: MetadataSourceDeps): MetadataSource {
  const { idp, metadata: source } = deps.saml;
  if (idp !== null) return fixedSource(deps, metadataByHand(idp, deps.allowHttp));
  if (source === null) throw unusableMetadata(`the provider ${deps.provider} has neither metadata nor idp`);
  return refreshedSource(deps, createMetadataRefresh({ fetch, spread: Math.random, ...deps, source }));
}

function fixedSource(deps: MetadataSourceDeps, metadata: IdpMetadata): MetadataSource {
  const expiry = createExpiryWatch(deps);
  return {
    get: async () => metadata,
    renewed: async () => null,
    start: () => expiry.watch(metadata),
    health: () => ({ ok: true, detail: "configured by hand" }),
    probe: async () => ({ ok: true, detail: describeMetadata(metadata, deps.saml, deps.clock()) }),
    close: () => expiry.close(),
  };
}

function refreshedSource(deps: MetadataSourceDeps, refresher: MetadataRefresh): MetadataSource {
  const { clock, provider, saml } = deps;
  const forced = new Map<"asked" | "unasked", { readonly at: number; readonly done: Promise<void> }>();
  const news = (used: IdpMetadata) => {
    const found = refresher.usable();
    return found === null || haveSameKeys(found.metadata, used) ? null : found.metadata;
  };
  const whyNot = () => refresher.failure() ?? "there is no metadata";
  return {
    get: async () => {
      const known = refresher.usable();
      const age = known === null ? "none" : ageOf(known.at, refresher.dueAfterMs(known), clock());
      if (age !== "fresh" && refresher.mayRefresh()) {
        const renewal = refresher.refresh(false);
        if (age !== "due") await renewal;
      }
      const found = refresher.usable();
      if (found === null) throw unusableMetadata(`${provider}: ${whyNot()}`);
      return found.metadata;
    },
    renewed: async (used, why) => {
      const now = clock();
      const latest = forced.get(why);
      if (news(used) === null && (latest === undefined || Math.abs(now - latest.at) >= forcedPauseMs[why]))
        forced.set(why, { at: now, done: refresher.refresh(true) });
      await forced.get(why)?.done;
      return news(used);
    },
    start: () => void refresher.refresh(false),
    health: () => {
      const [failure, held] = [refresher.failure(), refresher.usable()];
      const documents = held === null ? [] : [{ what: "metadata", at: held.at }];
      if (failure === null) return { ok: true, detail: "no failure known", documents };
      return { ok: false, detail: `${held === null ? "no usable metadata" : "the last good metadata is used"}: ${failure}`, documents };
    },
    probe: async () => {
      await refresher.refresh(true);
      const found = refresher.usable();
      if (refresher.failure() !== null || found === null) return { ok: false, detail: whyNot() };
      return { ok: true, detail: describeMetadata(found.metadata, saml, clock()) };
    },
    close: () => refresher.close(),
  };
}

/** "old": it was not renewed for so long (this process slept) that a withdrawn key may still be in it; the caller waits for news then. */
function ageOf(at: number, dueAfterMs: number, now: number): "fresh" | "due" | "old" {
  if (!isDue(at, dueAfterMs, now)) return "fresh";
  return isDue(at, 2 * dueAfterMs, now) ? "old" : "due";
}

/** What `idp:` of the configuration says, in the form of metadata: the same thing with no refresh and no end. */
function metadataByHand(idp: NonNullable<SamlSettings["idp"]>, allowHttp: boolean): IdpMetadata {
  const problems = [idp.ssoUrl, ...(idp.sloUrl === null ? [] : [idp.sloUrl])].flatMap((url) => urlProblem(url, allowHttp) ?? []);
  if (problems.length > 0) throw unusableMetadata(problems.join("; "));
  return usableMetadata({
    entityId: idp.entityId,
    sso: bothBindings(idp.ssoUrl),
    slo: idp.sloUrl === null ? [] : bothBindings(idp.sloUrl),
    keys: idp.certificates,
    wantAuthnRequestsSigned: false,
    nameIdFormats: [],
    scopes: [],
    validUntil: null,
    cacheDurationMs: null,
    notes: [],
  });
}

/** One address by hand is meant for both, redirect preferred: providers that need two addresses have metadata. */
function bothBindings(location: string): readonly SamlEndpoint[] {
  return [
    { binding: "redirect", location, responseLocation: null },
    { binding: "post", location, responseLocation: null },
  ];
}
