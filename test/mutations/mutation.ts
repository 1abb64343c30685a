/** One deliberate breakage of the code, and the test that must notice it. */
export interface Mutation {
  /** From the project's root. */
  readonly file: string;
  /** Occurs exactly once in the file. */
  readonly find: string;
  /** What stands there instead: still a program, but one that breaks the promise. */
  readonly replace: string;
  /** The test file that turns red, from the project's root. */
  readonly test: string;
  /** Part of the full name of a test in it that must be among those that fail. */
  readonly named: string;
}

/** One promise of the product's security, in words, with at least one breakage for each part of it. */
export interface SecurityPromise {
  readonly promise: string;
  readonly mutations: readonly Mutation[];
}

/** What belongs together, as a chapter of docs/security.md. */
export interface Chapter {
  readonly title: string;
  readonly promises: readonly SecurityPromise[];
}
