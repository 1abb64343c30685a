/** Authenticated encryption under `sessions.secret`, with rotation: the newest key seals, all open. */
export interface Sealer {
  /** URL- and cookie-safe text. `purpose` is authenticated: what was sealed for one purpose never opens for another. */
  seal(purpose: string, text: string): string;
  /** Null for anything altered, foreign, or sealed for another purpose. */
  open(purpose: string, sealed: string): string | null;
}
