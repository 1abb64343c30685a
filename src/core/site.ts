import type { Incoming } from "./incoming.ts";
import type { Origin } from "./origin.ts";
import type { App } from "./route.ts";

/** What answers on one host name: an app, the place where people sign in, or both. */
export interface Site {
  readonly hostname: string;
  /** As visitors see it; every redirect and Set-Cookie for this host is made from it. */
  readonly origin: Origin;
  readonly app: App | null;
  readonly isAuth: boolean;
}

/** A request that belongs to the control plane, with the site it arrived at. */
export interface Visit {
  readonly incoming: Incoming;
  readonly site: Site;
}
