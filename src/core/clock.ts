/** The time, as an argument: milliseconds since the epoch. */
export type Clock = () => number;
