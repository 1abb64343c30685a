import type { ErrorCode } from "../../core/errors.ts";
import type { KeytabEntry } from "./keytab.ts";
import { enctypeName, type TicketFacts } from "./negotiate-token.ts";

/** What GSSAPI said about a ticket that it did not accept. */
export interface GssFailure {
  readonly major: number;
  /** The library's own words. */
  readonly text: string;
}

export interface Diagnosis {
  readonly code: ErrorCode;
  /** For operators: what is wrong, and what mends it. */
  readonly detail: string;
}

/** What is known besides the failure. `clientTime` is read from the ticket's authenticator where that is possible. */
export interface TicketCircumstances {
  readonly ticket: TicketFacts | null;
  readonly keytabFile: string;
  readonly keytab: readonly KeytabEntry[] | null;
  readonly now: number;
  readonly clientTime: number | null;
}

/**
 * The causes by libkrb5's own words (krb5_err.et): the numbers do not come through, since GSSAPI gives each mechanism's codes new ones where
 * two mechanisms report the same. The words are untranslated, because the process never calls setlocale.
 */
const words = {
  badIntegrity: /Decrypt integrity check failed|cannot decrypt ticket/i,
  ticketExpired: /Ticket expired/,
  ticketNotYetValid: /Ticket not yet valid/,
  repeated: /Request is a replay/,
  skew: /Clock skew too great/,
} as const;
const badBindings = 4 << 16;

/** Names the cause of a refused ticket, and the cure. The likeliest mistakes are recognised by what the ticket and the keytab say. */
export function diagnose(failure: GssFailure, about: TicketCircumstances): Diagnosis {
  const { now, clientTime, ticket } = about;
  const here = new Date(now).toISOString();
  if (words.skew.test(failure.text)) {
    const there = clientTime === null ? "more than five minutes away from that" : new Date(clientTime).toISOString();
    const detail = `the clocks differ too much: it is ${here} here and ${there} at the visitor's computer. Set both by NTP (the domain controllers are the usual source).`;
    return { code: "kerberos.clock-skew", detail };
  }
  if (isClockSkew(failure)) {
    const when = words.ticketExpired.test(failure.text) ? "has expired" : "is not valid yet";
    const there = clientTime === null ? "" : ` and ${new Date(clientTime).toISOString()} at the visitor's computer`;
    const detail = `the ticket ${when}: it is ${here} here${there}. If one of them is wrong, set it by NTP; else \`klist purge\` there gets a new ticket.`;
    return { code: "kerberos.clock-skew", detail };
  }
  if (words.repeated.test(failure.text)) return { code: "kerberos.replayed", detail: "the same ticket was presented before: a replay" };
  if ((failure.major & 0xff_0000) === badBindings)
    return {
      code: "kerberos.bindings",
      detail: "the ticket was made for another TLS connection: it was relayed, or a proxy between ends TLS itself",
    };
  const byKey = ticket === null ? null : diagnoseKey(ticket, about);
  return byKey ?? { code: "kerberos.ticket-refused", detail: `the ticket was refused: ${failure.text}` };
}

/** Whether the keytab has the key that the ticket is sealed with. */
function diagnoseKey(ticket: TicketFacts, { keytabFile, keytab }: TicketCircumstances): Diagnosis | null {
  if (keytab === null) return { code: "kerberos.keytab", detail: `${keytabFile} is no keytab` };
  const wanted = `${ticket.service}@${ticket.realm}`;
  const named = keytab.filter((entry) => entry.service === ticket.service && entry.realm === ticket.realm);
  if (named.length === 0) {
    const held = [...new Set(keytab.map(({ service, realm }) => `${service}@${realm}`))].join(", ") || "nothing";
    const detail = `the ticket is for ${wanted}, and ${keytabFile} holds ${held}. Add that principal to the keytab, or let browsers use the name whose principal is there.`;
    return { code: "kerberos.principal", detail };
  }
  const numbered = ticket.kvno === null ? named : named.filter(({ kvno }) => kvno % 256 === (ticket.kvno ?? 0) % 256);
  if (numbered.length === 0) {
    const held = [...new Set(named.map(({ kvno }) => kvno))].join(", ");
    const detail = `the ticket for ${wanted} uses key version ${ticket.kvno}, and ${keytabFile} holds ${held}. The account's password was changed since: write the keytab anew. Visitors with old tickets sign in again after \`klist purge\`.`;
    return { code: "kerberos.kvno", detail };
  }
  if (!numbered.some(({ enctype }) => enctype === ticket.enctype)) {
    const held = numbered.map(({ enctype }) => enctypeName(enctype)).join(", ");
    const detail = `the ticket for ${wanted} is sealed with ${enctypeName(ticket.enctype)}, and ${keytabFile} holds ${held}. Export that enctype too, or allow AES on the account (msDS-SupportedEncryptionTypes).`;
    return { code: "kerberos.enctype", detail };
  }
  return null;
}

/** Said when a key of the right name, version and kind does not open the ticket. */
export function wrongKey(ticket: TicketFacts, keytabFile: string): Diagnosis {
  const detail = `the key of ${ticket.service}@${ticket.realm} in ${keytabFile} does not open the ticket: it was made with another password. Write the keytab anew.`;
  return { code: "kerberos.key", detail };
}

/** True when the failure is a key that did not open the ticket. */
export const isBadIntegrity = (failure: GssFailure) => words.badIntegrity.test(failure.text);

/** True when the time of the ticket, or the one in its authenticator, does not go with ours. */
export const isClockSkew = ({ text }: GssFailure) =>
  [words.skew, words.ticketExpired, words.ticketNotYetValid].some((one) => one.test(text));
