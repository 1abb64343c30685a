import type { OwnCookies } from "../../control/browser-state.ts";
import type { SiteTable } from "../../control/router.ts";
import type { Clock, Random } from "../../core/clock.ts";
import type { DirectoryStep } from "../../core/ports/directory.ts";
import type { Facts } from "../../core/ports/facts.ts";
import type { Audit, Log } from "../../core/ports/log.ts";
import type { LoginProvider } from "../../core/ports/login-provider.ts";
import type { LoginRedirect } from "../../core/ports/login-redirect.ts";
import type { Metrics } from "../../core/ports/metrics.ts";
import type { RenderPage } from "../../core/ports/pages.ts";
import type { Sealer } from "../../core/ports/sealer.ts";
import type { SessionCookies } from "../../core/ports/session-cookies.ts";
import type { SessionStore } from "../../core/ports/session-store.ts";
import type { App } from "../../core/route.ts";
import type { Settings } from "../../core/settings.ts";
import type { BrowserSessions } from "./browser-sessions.ts";
import type { LoginStates, UsedStates } from "./login-state.ts";

/** All that a login can need, put together in `process/`. What works with it names its own share: `Needs<"sessions" | "clock">`. */
export interface FlowParts {
  readonly table: SiteTable;
  readonly settings: Pick<Settings, "auth" | "apps" | "sessions">;
  /** What stands for an app where people sign in to see which apps they have. */
  readonly portalApp: App;
  readonly providers: ReadonlyMap<string, LoginProvider>;
  readonly sessions: SessionStore;
  readonly facts: Facts;
  readonly cookies: SessionCookies;
  readonly sealer: Sealer;
  readonly renderPage: RenderPage;
  readonly loginRedirect: LoginRedirect;
  /** What the gateway itself knows about people; null = nothing. */
  readonly directory: DirectoryStep | null;
  readonly audit: Audit;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly clock: Clock;
  readonly random: Random;
  /** Names of our own cookies. */
  readonly names: OwnCookies;
  readonly browserSessions: BrowserSessions;
  readonly loginStates: LoginStates;
  readonly usedStates: UsedStates;
  /** See `DomainProofs`; absent = there is nothing to prove. */
  readonly isUnproven?: (domain: string) => boolean;
}

export type Needs<Names extends keyof FlowParts> = Pick<FlowParts, Names>;
