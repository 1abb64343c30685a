import type { Socket } from "node:net";
import { type Networks, networkOf } from "../../lib/networks.ts";

export interface PerAddressDeps {
  readonly most: number;
  /** Proxies and balancers: they speak for many visitors, and are not counted. */
  readonly exempt: Networks;
  readonly onRefused: (address: string) => void;
}

/** `false` for a connection that was closed: one client may not hold every place. */
export type AdmitConnection = (socket: Socket) => boolean;

/** Counts the open connections of each address (IPv6: each /64), and closes those beyond `most` as they come. */
export function createAdmitConnection({ most, exempt, onRefused }: PerAddressDeps): AdmitConnection {
  const open = new Map<string, number>();
  return (socket) => {
    const address = socket.remoteAddress ?? "";
    if (!exempt.empty && exempt.has(address)) return true;
    const who = networkOf(address);
    const count = open.get(who) ?? 0;
    if (count >= most) {
      socket.destroy();
      onRefused(who);
      return false;
    }
    open.set(who, count + 1);
    socket.once("close", () => {
      const left = (open.get(who) ?? 1) - 1;
      if (left <= 0) open.delete(who);
      else open.set(who, left);
    });
    return true;
  };
}
