import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import type { Clock } from "../core/clock.ts";
import type { Known } from "../core/identity.ts";
import type { AccessLog, Audit, Log } from "../core/ports/log.ts";
import type { LoginRedirect } from "../core/ports/login-redirect.ts";
import type { RenderPage } from "../core/ports/pages.ts";
import type { SessionCookies } from "../core/ports/session-cookies.ts";
import type { SessionStore } from "../core/ports/session-store.ts";
import type { Visit } from "../core/route.ts";
import type { ReadIncoming } from "../http/read-incoming.ts";
import type { Identify } from "../identity/identify.ts";
import type { ForwardPlan, ForwardResult, HeaderEdit } from "../upstream/plan.ts";
import type { Admission, Shed } from "./admission.ts";
import type { AppCall } from "./call.ts";
import type { ReadQuestion } from "./forward-auth.ts";
import type { Arrivals } from "./handle.ts";
import type { JudgeDeps, Rules } from "./judge.ts";
import type { OpenConnections } from "./open-connections.ts";

/** The identity headers of one forwarded request with the signed assertion where its route has one. */
export type AddAssertion = (call: Pick<AppCall, "route" | "site">, identity: Known | null, headers: HeaderEdit) => HeaderEdit;

/** Everything that one configuration version gives to the request flow. */
export interface GatewayDeps extends Pick<Rules, "findSite" | "findRoute" | "prepareHeaders">, Pick<JudgeDeps, "judgeAs"> {
  readonly readIncoming: ReadIncoming;
  /** Questions of proxies that may ask; null where none may. */
  readonly readQuestion: ReadQuestion | null;
  readonly newRequestId: () => string;
  readonly arrivals: Arrivals;
  readonly identify: Identify;
  readonly addAssertion: AddAssertion;
  readonly forward: (req: IncomingMessage, res: ServerResponse, plan: ForwardPlan) => Promise<ForwardResult>;
  readonly forwardUpgrade: (req: IncomingMessage, socket: Duplex, head: Buffer, plan: ForwardPlan) => Promise<ForwardResult>;
  /** The gateway's own pages and endpoints under `/_vestibule/`. */
  readonly control: (request: Request, visit: Visit) => Promise<Response>;
  /** Whether a request target as received is one that the gateway serves however full it is. */
  readonly isUrgent: (target: string) => boolean;
  readonly loginRedirect: LoginRedirect;
  readonly renderPage: RenderPage;
  readonly sessions: Pick<SessionStore, "end">;
  readonly cookies: Pick<SessionCookies, "clear" | "read">;
  readonly tokenLifetimeMs: number;
  readonly connections: OpenConnections;
  readonly admission: Admission;
  readonly shed: Shed;
  readonly accessLog: AccessLog;
  readonly audit: Audit;
  readonly log: Log;
  readonly clock: Clock;
}
