/** The time, as an argument: milliseconds since the epoch. */
export type Clock = () => number;

/** Unpredictable bytes, as an argument: `randomBytes` of node:crypto in production. */
export type Random = (bytes: number) => Uint8Array;
