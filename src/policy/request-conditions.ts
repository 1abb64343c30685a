import { parseAddress, parseNetworks } from "../core/networks.ts";
import type { HoursSpec } from "../core/rules.ts";
import type { Condition } from "./condition.ts";
import { compileGlob } from "./glob.ts";
import { isWithin, spellHours, spellTime } from "./hours.ts";
import { hit, isTrue, miss, type Truth, unknown } from "./truth.ts";
import { some } from "./visitor-conditions.ts";
import type { ZoneClocks } from "./zone-clock.ts";

/** Per condition: there may be many more clients than memory for them. */
const rememberedClients = 1_000;

/** HEAD is not GET: a rule that means both names both. */
export function methods(wanted: readonly string[]): Condition {
  const accepted = new Set(wanted.map((method) => method.toUpperCase()));
  return {
    truth: ({ incoming }) => isTrue(accepted.has(incoming.method)),
    words: ({ incoming }) => `methods: ${incoming.method}, wanted ${some(wanted)}`,
  };
}

/** Globs on the reading that is being judged; the query takes no part. */
export function paths(wanted: readonly string[]): Condition {
  const globs = wanted.map(compileGlob);
  return {
    truth: ({ reading }) => {
      for (const matches of globs) if (matches(reading)) return hit;
      return miss;
    },
    words: ({ reading }) => `paths: ${reading}, wanted ${some(wanted)}`,
  };
}

/** The client's address, judged behind trusted proxies only. What is no IP address is unknown. */
export function networks(wanted: readonly string[]): Condition {
  const list = parseNetworks(wanted);
  const judge = (client: string): Truth => {
    if (list.has(client)) return hit;
    return parseAddress(client) === null ? unknown : miss;
  };
  // Reading an address costs more than all the rest of a decision; the same few come again and again.
  const remembered = new Map<string, Truth>();
  return {
    truth: ({ incoming: { client } }) => {
      const known = remembered.get(client);
      if (known !== undefined) return known;
      if (remembered.size >= rememberedClients) remembered.clear();
      const truth = judge(client);
      remembered.set(client, truth);
      return truth;
    },
    words: ({ incoming }) => `networks: from ${incoming.client === "" ? "an unknown address" : incoming.client}, wanted ${some(wanted)}`,
  };
}

export function hoursCondition(spec: HoursSpec, zones: ZoneClocks): Condition {
  const clock = zones(spec.zone);
  return {
    truth: ({ now }) => isTrue(isWithin(spec, clock(now))),
    words: ({ now }) => `hours: it is ${spellTime(clock(now))} in ${spec.zone}, wanted ${spellHours(spec)}`,
  };
}
