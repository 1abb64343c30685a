import type { Clock, Random } from "../core/clock.ts";
import type { DirectoryStep } from "../core/ports/directory.ts";
import type { Audit, Log } from "../core/ports/log.ts";
import type { LoginProvider } from "../core/ports/login-provider.ts";
import type { Metrics } from "../core/ports/metrics.ts";
import type { RenderPage } from "../core/ports/pages.ts";
import type { Sealer } from "../core/ports/sealer.ts";
import type { SessionCookies } from "../core/ports/session-cookies.ts";
import type { SessionStore } from "../core/ports/session-store.ts";
import type { Site } from "../core/route.ts";
import type { Settings } from "../core/settings.ts";

/** The only part of the route table that the control plane needs: which site a host name is. */
export interface SiteTable {
  findSite(hostname: string): Site | null;
}

/** What the control plane is built from: one configuration version, and the parts that outlive it. */
export interface ControlDeps {
  readonly table: SiteTable;
  readonly providers: ReadonlyMap<string, LoginProvider>;
  readonly sessions: SessionStore;
  readonly cookies: SessionCookies;
  readonly sealer: Sealer;
  readonly settings: Settings;
  readonly renderPage: RenderPage;
  /** What the gateway itself knows about people; null = nothing. */
  readonly directory: DirectoryStep | null;
  readonly audit: Audit;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly clock: Clock;
  readonly random: Random;
  /** The public keys of the signed assertion header, as a JWK set. */
  readonly assertionJwks: () => object;
}
