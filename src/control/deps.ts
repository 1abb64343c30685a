import type { Site } from "../core/route.ts";
import type { Settings } from "../core/settings.ts";

/** The only part of the route table that the control plane needs: which site a host name is. */
export interface SiteTable {
  findSite(hostname: string): Site | null;
}

/** What is published, and where people sign in. */
export type Published = Pick<Settings, "auth" | "apps">;
