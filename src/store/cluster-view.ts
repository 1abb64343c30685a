import type { Address } from "../core/settings.ts";

/** A node that may hold keys, or be about to. */
export interface ClusterMaster extends Address {
  /** The name it keeps for good, whatever its address. */
  readonly id: string;
}

/**
 * The masters in an answer to CLUSTER NODES: those without slots too, since keys are moved to a node before it owns their
 * slot. One that failed counts as long as its slots are nobody else's. `byName` takes the announced host name, if there is
 * one, for the address: what a certificate names.
 */
export function mastersIn(text: string, { byName }: { readonly byName: boolean }): readonly ClusterMaster[] {
  return text.split("\n").flatMap((line) => {
    const [id = "", place = "", flagText = "", , , , , , ...slots] = line.trim().split(" ");
    const flags = flagText.split(",");
    const address = addressOf(place, byName);
    if (address === null || !flags.includes("master") || flags.includes("handshake") || flags.includes("noaddr")) return [];
    if (flags.includes("fail") && slots.length === 0) return [];
    return [{ id, ...address }];
  });
}

/** `host:port@busPort[,name[,…]]`; an IPv6 address has no brackets. A node that nobody has met does not know its own host. */
function addressOf(place: string, byName: boolean): Address | null {
  const [, ip = "", port = "", name = ""] = /^(.*):(\d+)(?:@\d+)?(?:,([^,=]*))?(?:,.*)?$/.exec(place) ?? [];
  const host = byName && name !== "" ? name : ip;
  return host === "" ? null : { host, port: Number(port) };
}
