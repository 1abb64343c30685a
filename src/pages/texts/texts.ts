import type { RefusalReason } from "../../core/decision.ts";
import type { ErrorCode } from "../../core/errors.ts";
import type { PageModel } from "../../core/ports/pages.ts";

type Of<Page extends PageModel["page"]> = PageModel & { readonly page: Page };
export type ChooserProblem = NonNullable<Of<"chooser">["problem"]>;
export type LoopCause = Of<"loop">["causes"][number];

/** What went wrong, as roughly as a heading says it. */
export type ErrorKind = "not-found" | "request" | "login" | "not-let-in" | "logout" | "app-down" | "later" | "internal";

/** Every word that a visitor reads, in one language. A missing one is a type error. */
export interface Texts {
  readonly chooser: {
    readonly title: string;
    /** Under the title; null = the login belongs to no app in particular. */
    readonly lead: (app: string | null) => string;
    readonly email: string;
    readonly submit: string;
    readonly or: string;
    readonly providers: string;
    readonly continueWith: (provider: string) => string;
    readonly problems: Readonly<Record<ChooserProblem, string>>;
    /** Stands before the window's title when something was wrong. */
    readonly problemPrefix: string;
  };
  readonly refusal: {
    readonly title: string;
    readonly lead: (app: string) => string;
    readonly reasons: Readonly<Record<RefusalReason, string>>;
    readonly signedInAs: string;
    readonly via: (provider: string) => string;
    readonly anotherAccount: string;
    readonly logout: string;
    readonly help: string;
  };
  readonly error: {
    readonly titles: Readonly<Record<ErrorKind, string>>;
    readonly words: Readonly<Record<ErrorCode, string>>;
    readonly startAgain: string;
  };
  readonly loop: {
    readonly title: string;
    readonly lead: (app: string | null) => string;
    readonly causes: Readonly<Record<LoopCause, string>>;
    readonly startAgain: string;
  };
  readonly confirmLogout: {
    readonly title: string;
    readonly lead: (who: string | null) => string;
    readonly submit: string;
    readonly back: string;
  };
  readonly signedOut: { readonly title: string; readonly complete: string; readonly incomplete: string; readonly startAgain: string };
  readonly continue: { readonly title: string; readonly lead: string; readonly submit: string };
  readonly requestId: string;
}
