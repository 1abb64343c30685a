/** An IP address in one spelling. IPv4-mapped IPv6 (`::ffff:10.0.0.1`, RFC 4291 2.5.5.2) is the IPv4 address. */
export interface IpAddress {
  readonly family: 4 | 6;
  /** 32 bits each, most significant first: one for IPv4, four for IPv6. */
  readonly words: readonly number[];
}

/** A CIDR network; bits behind the prefix are ignored. */
export interface Network {
  readonly address: IpAddress;
  readonly prefixBits: number;
}

export interface Networks {
  /** False for anything that is not an IP address. */
  has(ip: string): boolean;
  readonly empty: boolean;
}

/**
 * The address that `text` spells, or null.
 *
 * Zone ids (`fe80::1%eth0`) are refused, and so are octets with leading zeros: `010.0.0.1` is 8.0.0.1 for
 * some parsers and 10.0.0.1 for others.
 */
export function parseAddress(text: string): IpAddress | null {
  if (!text.includes(":")) {
    const word = parseIpv4(text);
    return word === null ? null : { family: 4, words: [word] };
  }
  const groups = parseIpv6(text);
  if (groups === null) return null;
  const words = [0, 2, 4, 6].map((at) => (((groups[at] ?? 0) << 16) | (groups[at + 1] ?? 0)) >>> 0);
  if (words[0] === 0 && words[1] === 0 && words[2] === 0xffff) return { family: 4, words: [words[3] ?? 0] };
  return { family: 6, words };
}

/** The address written the way the rest of the program compares and logs it (RFC 5952 for IPv6). */
export function formatAddress(address: IpAddress): string {
  if (address.family === 4) {
    const word = address.words[0] ?? 0;
    return `${word >>> 24}.${(word >>> 16) & 255}.${(word >>> 8) & 255}.${word & 255}`;
  }
  const groups = address.words.flatMap((word) => [word >>> 16, word & 0xffff]);
  const zeros = longestZeroRun(groups);
  const spell = (part: readonly number[]) => part.map((group) => group.toString(16)).join(":");
  if (zeros.length < 2) return spell(groups);
  return `${spell(groups.slice(0, zeros.start))}::${spell(groups.slice(zeros.start + zeros.length))}`;
}

/** The network that `text` spells (`10.0.0.0/8`, `fd00::/8`, or one address), or null. */
export function parseNetwork(text: string): Network | null {
  const slash = text.indexOf("/");
  const spelled = slash === -1 ? text : text.slice(0, slash);
  const address = parseAddress(spelled);
  if (address === null) return null;
  const width = spelled.includes(":") ? 128 : 32;
  const bits = slash === -1 ? width : parseDecimal(text.slice(slash + 1), width);
  if (bits === null) return null;
  // A mapped network must lie inside ::ffff:0:0/96; a wider one would silently mean something else.
  const mapped = address.family === 4 && width === 128;
  if (mapped && bits < 96) return null;
  return { address, prefixBits: mapped ? bits - 96 : bits };
}

/** The union of `list`; throws on an entry that is not a network, so that a typo never becomes an empty list or a list of all. */
export function parseNetworks(list: readonly string[]): Networks {
  const networks = list.map((text) => {
    const network = parseNetwork(text);
    if (network === null) throw new RangeError(`not an IP network: ${text}`);
    return network;
  });
  if (networks.length === 0) return { has: () => false, empty: true };
  return {
    has: (ip) => {
      const address = parseAddress(ip);
      return address !== null && networks.some((network) => contains(network, address));
    },
    empty: false,
  };
}

function contains(network: Network, address: IpAddress): boolean {
  if (network.address.family !== address.family) return false;
  let bits = network.prefixBits;
  for (let at = 0; bits > 0; at += 1, bits -= 32) {
    const mask = bits >= 32 ? 0xffffffff : ~(0xffffffff >>> bits);
    if ((((network.address.words[at] ?? 0) ^ (address.words[at] ?? 0)) & mask) !== 0) return false;
  }
  return true;
}

function parseIpv4(text: string): number | null {
  const octets = text.split(".", 5);
  if (octets.length !== 4) return null;
  let word = 0;
  for (const octet of octets) {
    const value = parseDecimal(octet, 255);
    if (value === null) return null;
    word = word * 256 + value;
  }
  return word;
}

/** Eight 16-bit groups. */
function parseIpv6(text: string): number[] | null {
  if (text.length > 45) return null;
  const halves = text.split("::", 3);
  if (halves.length > 2) return null;
  const head = parseGroups(halves[0] ?? "", halves.length === 1);
  const tail = halves.length === 2 ? parseGroups(halves[1] ?? "", true) : [];
  if (head === null || tail === null) return null;
  const missing = 8 - head.length - tail.length;
  if (halves.length === 1 ? missing !== 0 : missing < 1) return null;
  return [...head, ...Array<number>(missing).fill(0), ...tail];
}

function parseGroups(text: string, last: boolean): number[] | null {
  if (text === "") return [];
  const groups: number[] = [];
  const parts = text.split(":", 9);
  for (const [at, part] of parts.entries()) {
    if (last && at === parts.length - 1 && part.includes(".")) {
      const word = parseIpv4(part);
      if (word === null) return null;
      groups.push(word >>> 16, word & 0xffff);
    } else {
      if (!/^[0-9a-fA-F]{1,4}$/.test(part)) return null;
      groups.push(Number.parseInt(part, 16));
    }
  }
  return groups;
}

/** Digits only, no leading zero, at most `limit`. */
function parseDecimal(text: string, limit: number): number | null {
  if (!/^(?:0|[1-9][0-9]{0,2})$/.test(text)) return null;
  const value = Number(text);
  return value <= limit ? value : null;
}

function longestZeroRun(groups: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  for (let start = 0; start < groups.length; start += 1) {
    let end = start;
    while (groups[end] === 0) end += 1;
    if (end - start > best.length) best = { start, length: end - start };
    if (end > start) start = end;
  }
  return best;
}

/** What counts as one caller: an address, or the /64 that an IPv6 subscriber has as a whole (RFC 6177). */
export function networkOf(address: string): string {
  const parsed = parseAddress(address);
  if (parsed === null) return "unknown";
  if (parsed.family === 4) return formatAddress(parsed);
  return `${formatAddress({ family: 6, words: [...parsed.words.slice(0, 2), 0, 0] })}/64`;
}
