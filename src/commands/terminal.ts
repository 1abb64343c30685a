/** Where a command writes and what it may assume of it. Colours only on a terminal, never with NO_COLOR. */
export interface Terminal {
  out(text: string): void;
  err(text: string): void;
  readonly colour: { readonly out: boolean; readonly err: boolean };
}

/** 0 good; 1 the configuration or the answer is bad; 2 wrong usage. */
export type ExitCode = 0 | 1 | 2;
