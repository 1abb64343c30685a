import type { Log } from "../core/ports/log.ts";
import type { Member } from "./member.ts";
import type { SettingsParcel } from "./settings-parcel.ts";

const prepareMs = 10_000;

/**
 * One configuration for all workers: everybody compiles it first, and only when everybody could is it taken into force; one that cannot
 * stops it for all, and this rejects. A worker that does not answer is killed: its successor begins with what is then in force.
 */
export async function putInForce(
  change: { readonly id: number; readonly parcel: SettingsParcel; readonly log: Log; readonly briefed: () => readonly Member[] },
  agreed: () => void,
): Promise<void> {
  const { id, parcel, log } = change;
  const prepare = { kind: "prepare", id, settings: parcel } as const;
  const asked = new Set(change.briefed());
  const replies = await Promise.all([...asked].map(async (member) => ({ member, reply: await member.ask(prepare, prepareMs) })));
  for (const { member, reply } of replies) {
    if (reply?.kind !== "refused") continue;
    for (const other of asked) other.send({ kind: "discard", id });
    throw new Error(`worker ${member.slot} cannot take the configuration: ${reply.message}`);
  }
  agreed();
  const silent = new Set(replies.filter(({ reply }) => reply === null).map(({ member }) => member));
  for (const member of change.briefed()) {
    if (silent.has(member)) {
      log.error({ worker: member.slot, workerPid: member.pid }, "a worker did not answer to a new configuration; it is killed");
      member.kill();
      continue;
    }
    // Begun in between, with the old one.
    if (!asked.has(member)) member.send(prepare);
    member.send({ kind: "commit", id });
  }
}
