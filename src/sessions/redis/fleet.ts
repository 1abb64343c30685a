import { type Fleet, keptEvents, keptEventsMs } from "../../core/ports/fleet.ts";
import type { FactsDeps } from "./facts.ts";

/** KEYS members, said; ARGV instance, sealed text, ms. Instances that have been silent for longer leave the list. */
const publishScript = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('SET', KEYS[2], ARGV[2], 'PX', ARGV[3])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now))
redis.call('ZADD', KEYS[1], string.format('%.0f', now + ARGV[3]), ARGV[1])
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[3]) then redis.call('PEXPIRE', KEYS[1], ARGV[3]) end
return 1`;

/** KEYS events; ARGV how many are kept, ms, sealed events. One list with a fixed length, whatever is poured into it. */
const appendScript = `
for place = 3, #ARGV do redis.call('LPUSH', KEYS[1], ARGV[place]) end
redis.call('LTRIM', KEYS[1], 0, ARGV[1] - 1)
return redis.call('PEXPIRE', KEYS[1], ARGV[2])`;

const eventPurpose = "fleet:event";
const saidPurpose = (instance: string) => `fleet:said:${instance}`;
/** More gateways than share one store in practice. */
const mostInstances = 200;

/** What instances tell each other, in one slot of a Cluster: it is read together, a few times a minute. */
export function createRedisFleet({ client, guard, keys, sealer }: Omit<FactsDeps, "random" | "clock">): Fleet {
  const { members, events, said } = keys.fleet;
  return {
    publish: async (instance, text, ttlMs) => {
      const sealed = sealer.seal(saidPurpose(instance), text);
      await guard.run("fleet", () => client.eval(publishScript, 2, members, said(instance), instance, sealed, String(Math.ceil(ttlMs))));
    },
    published: async () => {
      const instances = await guard.run("fleet", () => client.zrange(members, 0, String(mostInstances - 1)));
      if (instances.length === 0) return { texts: [], unreadable: 0 };
      const sealed = await guard.run("fleet", () => client.mget(...instances.map(said)));
      const opened = sealed.flatMap((text, at) => (text === null ? [] : [sealer.open(saidPurpose(instances[at] ?? ""), text)]));
      const texts = opened.filter((text) => text !== null);
      return { texts, unreadable: opened.length - texts.length };
    },
    append: async (lines) => {
      if (lines.length === 0) return;
      const sealed = lines.slice(-keptEvents).map((line) => sealer.seal(eventPurpose, line));
      await guard.run("fleet", () => client.eval(appendScript, 1, events, keptEvents, keptEventsMs, ...sealed));
    },
    newest: async (from, count) => {
      const sealed = await guard.run("fleet", () => client.lrange(events, from, from + count - 1));
      return sealed.map((text) => sealer.open(eventPurpose, text)).filter((text) => text !== null);
    },
  };
}
