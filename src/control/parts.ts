import { type BrowserSessions, createBrowserSessions } from "../login/flow/browser-sessions.ts";
import { createLoginLimits, type LoginLimits } from "../login/flow/login-limits.ts";
import { createLoginStates, createUsedStates, type LoginStates, type UsedStates } from "../login/flow/login-state.ts";
import type { ControlDeps } from "./deps.ts";
import { createOwnCookies, type OwnCookies } from "./own-cookies.ts";

/** The dependencies and what the endpoints share among themselves. */
export interface ControlParts extends ControlDeps {
  readonly names: OwnCookies;
  readonly browserSessions: BrowserSessions;
  readonly loginStates: LoginStates;
  readonly usedStates: UsedStates;
  readonly loginLimits: LoginLimits;
}

export function assembleParts(deps: ControlDeps): ControlParts {
  const { sealer, clock } = deps;
  const names = createOwnCookies(deps.cookies);
  const authHost = deps.settings.auth.origin.hostname;
  return {
    ...deps,
    names,
    browserSessions: createBrowserSessions({ sealer, names, authHost }),
    loginStates: createLoginStates({ sealer, names, authHost, clock }),
    usedStates: createUsedStates(clock),
    loginLimits: createLoginLimits({ ...deps, limits: deps.settings.limits }),
  };
}
