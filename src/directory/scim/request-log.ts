/** One SCIM request that was answered, for operators who ask what their provider has been doing. */
export interface ScimLogEntry {
  readonly at: number;
  readonly provider: string;
  readonly client: string;
  readonly request: string;
  readonly method: string;
  /** Below `/v2`, without the query, which may hold names. */
  readonly path: string;
  readonly status: number;
  /** What was wrong, in the words of the answer; null when nothing was. */
  readonly detail: string | null;
}

/** The last requests of this process, newest first. */
export interface ScimLog {
  add(entry: ScimLogEntry): void;
  last(provider?: string): readonly ScimLogEntry[];
}

const kept = 500;

export function createScimLog(): ScimLog {
  const entries: ScimLogEntry[] = [];
  return {
    add: (entry) => {
      entries.push(entry);
      if (entries.length > kept) entries.shift();
    },
    last: (provider) => entries.filter((entry) => provider === undefined || entry.provider === provider).toReversed(),
  };
}
