import { createForwardRequest, type ForwardRequest } from "./forward-request.ts";
import { createForwardUpgrade, type ForwardUpgrade } from "./forward-upgrade.ts";
import { createMachinery, type ForwardDeps } from "./machinery.ts";

/** The way to the upstreams, for requests and for WebSocket handshakes. It carries out plans and decides nothing. */
export interface Forward {
  readonly forward: ForwardRequest;
  readonly forwardUpgrade: ForwardUpgrade;
}

export function createForward(deps: ForwardDeps): Forward {
  const machinery = createMachinery(deps);
  return { forward: createForwardRequest(machinery), forwardUpgrade: createForwardUpgrade(machinery) };
}
