/** One promise of the product's security, in words, with the tests that would notice if it were broken. */
export interface SecurityPromise {
  readonly promise: string;
  /** Test files, from the project's root, each with parts of the full names of tests in it. */
  readonly tests: Readonly<Record<string, readonly string[]>>;
}

/** What belongs together, as a chapter of docs/security.md. */
export interface Chapter {
  readonly title: string;
  readonly promises: readonly SecurityPromise[];
}
