import type { Answer } from "../answer.ts";
import type { RefusalReason } from "../decision.ts";
import type { ErrorCode } from "../errors.ts";

/** One field of a form that was kept. */
export type KeptField =
  | { readonly name: string; readonly value: string }
  | { readonly name: string; readonly file: { readonly name: string; readonly type: string /** base64 */; readonly content: string } };

/** What a page says; how it looks and in which language is the renderer's business. */
/** What is known of one person, as that person may read it. */
export interface OwnDataModel {
  readonly name: string;
  readonly email: string | null;
  /** Null = not known. */
  readonly groups: readonly string[] | null;
  /** Of the provider, as it was at login, or as the directory keeps it. */
  readonly attributes: readonly { readonly name: string; readonly values: readonly string[] }[];
  readonly accounts: readonly { readonly provider: string; readonly subject: string; readonly email: string | null }[];
  /** Null without a directory. */
  readonly person: {
    readonly id: string;
    readonly since: number;
    readonly addresses: readonly string[];
    readonly roles: readonly string[];
    readonly teams: readonly string[];
    readonly manager: string | null;
    readonly why: readonly string[];
  } | null;
}

export type PageModel =
  | {
      readonly page: "chooser";
      readonly app: string | null;
      /** Where the form goes (GET) and the hidden fields that it keeps. */
      readonly action: string;
      readonly fields: Readonly<Record<string, string>>;
      readonly providers: readonly { readonly id: string; readonly name: string; readonly url: string }[];
      readonly email: string;
      /** What was wrong with the address that was typed, or that the provider chosen is not answering. */
      readonly problem: "invalid" | "unknown-domain" | "provider-unavailable" | null;
    }
  | {
      readonly page: "refusal";
      readonly app: string;
      readonly who: { readonly name: string | null; readonly email: string | null; readonly subject: string; readonly provider: string };
      readonly reason: RefusalReason;
      /** The page that was wanted, and where the app begins. */
      readonly path: string;
      readonly appUrl: string;
      /** Groups that would have helped are not shown: they are for operators. */
      readonly anotherAccountUrl: string | null;
      readonly logoutUrl: string | null;
    }
  /** Name and password, posted to `action` with the hidden fields. */
  | {
      readonly page: "password";
      readonly provider: string;
      readonly action: string;
      readonly fields: Readonly<Record<string, string>>;
      readonly login: string;
      readonly problem: "wrong" | "too-many" | "unavailable" | null;
    }
  /** The second factor of an emergency account: a code, a passkey, or either. */
  | {
      readonly page: "second-factor";
      readonly provider: string;
      readonly action: string;
      readonly fields: Readonly<Record<string, string>>;
      readonly code: boolean;
      /** What the browser is given to ask for a passkey, as JSON; null where the account has none. */
      readonly passkey: string | null;
      readonly problem: "wrong" | "too-many" | null;
    }
  /** Adds a passkey to an emergency account; `done` says that it is there. */
  | {
      readonly page: "new-passkey";
      readonly login: string;
      readonly action: string;
      readonly fields: Readonly<Record<string, string>>;
      readonly options: string;
      readonly done: boolean;
    }
  /** Goes on to `url` by itself, without a script: the body of a challenge, for browsers that have no answer to it. */
  | { readonly page: "onward"; readonly url: string /** Notes the fragment first, by a script. */; readonly byScript?: true }
  | { readonly page: "error"; readonly code: ErrorCode; readonly startAgainUrl: string | null }
  | {
      readonly page: "loop";
      readonly app: string | null;
      readonly causes: readonly ("cookies-blocked" | "clock" | "strength-not-given")[];
      readonly startAgainUrl: string | null;
    }
  | { readonly page: "confirm-logout"; readonly action: string; readonly who: string | null; readonly backUrl: string | null }
  | { readonly page: "signed-out"; readonly startAgainUrl: string | null; readonly complete: boolean }
  /** Asked for without a logout: this browser has a session here. */
  | { readonly page: "still-signed-in"; readonly who: string; readonly logoutUrl: string }
  /** The auth origin's first page: what the visitor may open. */
  | {
      readonly page: "portal";
      readonly who: { readonly name: string; readonly email: string | null };
      readonly apps: readonly {
        readonly name: string;
        readonly url: string;
        readonly description: string | null;
        /** `data:` URL. */
        readonly icon: string | null;
        readonly category: string | null;
        readonly lastOpenedAt: number | null;
      }[];
      readonly sessionsUrl: string;
      readonly dataUrl: string;
      readonly logoutUrl: string;
    }
  /** The visitor's own sessions. `guard` goes with each form; `ended`: how many a form has just ended. */
  | {
      readonly page: "own-sessions";
      readonly action: string;
      readonly guard: string;
      readonly ended: number | null;
      readonly homeUrl: string;
      readonly logoutUrl: string;
      readonly sessions: readonly {
        readonly handle: string;
        /** Of this browser. */
        readonly isHere: boolean;
        readonly browser: string | null;
        readonly system: string | null;
        readonly address: string | null;
        readonly provider: string;
        readonly who: string;
        readonly startedAt: number;
        readonly lastSeenAt: number;
        readonly apps: readonly string[];
      }[];
      /** Null where people make no tokens of their own. */
      readonly tokens: OwnTokensModel | null;
    }
  | {
      /** What the gateway knows of the visitor, in as many parts as they are people here. */
      readonly page: "own-data";
      readonly homeUrl: string;
      readonly sessionsUrl: string;
      readonly people: readonly OwnDataModel[];
    }
  /** A form that a login interrupted, to be sent by a click. */
  | {
      readonly page: "kept-form";
      readonly app: string;
      readonly host: string;
      /** Path and query on this host. */
      readonly action: string;
      readonly multipart: boolean;
      readonly fields: readonly KeptField[];
    }
  /** A form that posts itself where scripts run and shows a button where they do not (SAML POST binding). */
  | { readonly page: "continue"; readonly action: string; readonly fields: Readonly<Record<string, string>> };

/** The visitor's personal tokens, and the form that makes one. */
export interface OwnTokensModel {
  /** The only time that a token is ever shown. */
  readonly made: { readonly name: string; readonly token: string } | null;
  readonly problem: "name" | "too-many" | "busy" | null;
  /** How many a form has just ended. */
  readonly ended: number | null;
  readonly lifetimeDays: number;
  readonly most: number;
  /** Whose token it will be, where this browser is signed in with several accounts. */
  readonly accounts: readonly { readonly key: string; readonly who: string; readonly provider: string }[];
  readonly items: readonly {
    readonly handle: string;
    readonly name: string;
    readonly who: string;
    readonly provider: string;
    readonly startedAt: number;
    readonly expiresAt: number;
    readonly lastUsedAt: number | null;
    readonly apps: readonly string[];
  }[];
}

/** The cookie in which a script notes the fragment of the wanted page, and which page it belongs to. */
export interface KeptFragment {
  readonly cookie: string;
  readonly key: string;
}

/** Whom a page is for, and where that visitor stands. */
export interface PageContext {
  readonly requestId: string;
  readonly acceptLanguage: string | null;
  /** The host that was asked, as far as one was understood: a page that leads nowhere else leads to its app. */
  readonly hostname?: string | null;
  /** Path and query to ask for again; null where doing so would change something or make no sense. */
  readonly again?: string | null;
  /** Where this page notes the `#fragment` of its own address; absent where it notes none. */
  readonly fragment?: KeptFragment;
}

/** Renders one page as a complete answer: escaped, no-store, nosniff, strict CSP, in the visitor's language. */
export type RenderPage = (status: number, model: PageModel, context: PageContext) => Answer;
