import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import type { Clock } from "../core/clock.ts";
import type { Identity, Known } from "../core/identity.ts";
import type { Incoming } from "../core/incoming.ts";
import type { AccessLog, Audit, Log } from "../core/ports/log.ts";
import type { LoginDoor } from "../core/ports/login-redirect.ts";
import type { RenderPage } from "../core/ports/pages.ts";
import type { SessionCookies } from "../core/ports/session-cookies.ts";
import type { SessionStore } from "../core/ports/session-store.ts";
import type { App, Route, Site, Visit } from "../core/route.ts";
import type { ReadIncoming } from "../http/read-incoming.ts";
import type { Identify } from "../identity/identify.ts";
import type { AppSite, Decided } from "../policy/decide.ts";
import type { IdentityHeaders } from "../upstream/headers/identity.ts";
import type { ForwardPlan, ForwardResult } from "../upstream/plan.ts";
import type { Admission, Shed } from "./admission.ts";
import type { OpenConnections } from "./open-connections.ts";

/** The headers that tell the upstream who calls, or why this identity cannot be told. */
export type PrepareHeaders = (call: {
  readonly incoming: Incoming;
  readonly route: Route;
  readonly site: Site;
  readonly identity: Known | null;
}) => IdentityHeaders;

/** Everything that one configuration version gives to the request flow. */
export interface GatewayDeps {
  readonly readIncoming: ReadIncoming;
  readonly newRequestId: () => string;
  /** Null for a host that nobody configured. */
  readonly findSite: (hostname: string) => Site | null;
  readonly findRoute: (app: App, reading: string) => Route;
  readonly identify: Identify;
  readonly decide: (site: AppSite, identity: Identity, incoming: Incoming, now: number) => Decided;
  readonly prepareHeaders: PrepareHeaders;
  readonly forward: (req: IncomingMessage, res: ServerResponse, plan: ForwardPlan) => Promise<ForwardResult>;
  readonly forwardUpgrade: (req: IncomingMessage, socket: Duplex, head: Buffer, plan: ForwardPlan) => Promise<ForwardResult>;
  /** The gateway's own pages and endpoints under `/_vestibule/`. */
  readonly control: (request: Request, visit: Visit) => Promise<Response>;
  readonly door: LoginDoor;
  readonly renderPage: RenderPage;
  readonly sessions: Pick<SessionStore, "end">;
  readonly cookies: Pick<SessionCookies, "clear">;
  readonly connections: OpenConnections;
  readonly admission: Admission;
  readonly shed: Shed;
  readonly accessLog: AccessLog;
  readonly audit: Audit;
  readonly log: Log;
  readonly clock: Clock;
}
