import type { Clock } from "../../core/clock.ts";
import type { Log } from "../../core/ports/log.ts";
import type { FirstOpening, SessionStore } from "../../core/ports/session-store.ts";
import type { Session } from "../../core/session.ts";
import type { SessionCache } from "../cache.ts";
import { noteActivityAfterMs, type SessionLimits } from "../session-rules.ts";
import type { OpenSessions } from "./open-sessions.ts";
import type { RedisRecords, Touched } from "./records.ts";

/** Notes that a session is in use, and of which apps, behind the request's back. See `SessionStore.touch`. */
export type NoteActivity = SessionStore["touch"];

export interface ActivityDeps {
  readonly cache: SessionCache;
  readonly records: Pick<RedisRecords, "touch">;
  readonly open: Pick<OpenSessions, "prolong">;
  /** An app was opened in this session for the first time. */
  readonly onFirstOpening: (session: Session, app: string) => void;
  readonly limits: SessionLimits;
  readonly clock: Clock;
  readonly log: Log;
}

/** Beyond it, first openings are not reported until the store answers again. */
const maxWaiting = 20_000;

export function createActivity({ cache, records, open, onFirstOpening, limits, clock, log }: ActivityDeps): NoteActivity {
  /** Sessions with a write under way, and the apps that were opened for the first time meanwhile. */
  const writing = new Map<string, Map<string, number>>();
  /** Who wants to know whether an opening was the first of all processes, by session and app; kept while the store cannot tell. */
  const waiting = new Map<string, Map<string, FirstOpening>>();

  const awaitFirst = (key: string, app: string, onFirst: FirstOpening) => {
    const known = waiting.get(key);
    if (known !== undefined) known.set(app, onFirst);
    else if (waiting.size < maxWaiting) waiting.set(key, new Map([[app, onFirst]]));
  };
  const tellFirsts = (key: string, apps: ReadonlyMap<string, number>, touched: Touched | null) => {
    const openings = waiting.get(key);
    if (openings === undefined) return;
    for (const app of apps.keys()) {
      const onFirst = openings.get(app);
      openings.delete(app);
      const place = touched?.firsts.indexOf(app) ?? -1;
      if (place >= 0) onFirst?.(place === 0 && touched?.hadApps === false);
    }
    if (openings.size === 0) waiting.delete(key);
  };

  const write = async (session: Session, apps: ReadonlyMap<string, number>, isLate: boolean): Promise<void> => {
    const later = new Map<string, number>();
    writing.set(session.key, later);
    const now = clock();
    try {
      const touched = await records.touch(session.key, now, apps);
      cache.noteWritten(session.id, now);
      tellFirsts(session.key, apps, touched);
      // The list may be a little behind; who looks for ended sessions asks the session itself.
      if (touched !== null && isLate) await open.prolong(session.key, touched.leftMs);
    } catch (error) {
      log.debug({ error, session: session.key }, "activity could not be noted");
    } finally {
      writing.delete(session.key);
    }
    if (later.size > 0) await write(session, later, false);
  };

  return (session, idleMs, app, onFirst) => {
    const now = clock();
    const { writtenAt, isNewApp } = cache.noteActivity(session, now, app);
    // A clock that was set back makes it look written in the future, and an active visitor idle.
    const isLate = Math.abs(now - writtenAt) >= noteActivityAfterMs(limits, idleMs);
    if (isNewApp && app !== undefined) {
      if (onFirst !== undefined) awaitFirst(session.key, app, onFirst);
      onFirstOpening(session, app);
      const underWay = writing.get(session.key);
      if (underWay !== undefined) return void underWay.set(app, now);
    } else if (!isLate || writing.has(session.key)) return;
    const opened = cache.openedSince(session.id, writtenAt);
    void write(session, app === undefined ? opened : opened.set(app, now), isLate);
  };
}
