import type { Answer } from "../answer.ts";
import type { RefusalReason } from "../decision.ts";
import type { ErrorCode } from "../errors.ts";

/** What a page says; how it looks and in which language is the renderer's business. */
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
      /** Groups that would have helped are not shown: they are for operators. */
      readonly anotherAccountUrl: string | null;
      readonly logoutUrl: string | null;
    }
  | { readonly page: "error"; readonly code: ErrorCode; readonly startAgainUrl: string | null }
  | {
      readonly page: "loop";
      readonly app: string | null;
      readonly causes: readonly ("cookies-blocked" | "clock" | "strength-not-given")[];
      readonly startAgainUrl: string | null;
    }
  | { readonly page: "confirm-logout"; readonly action: string; readonly who: string | null; readonly backUrl: string | null }
  | { readonly page: "signed-out"; readonly startAgainUrl: string | null; readonly complete: boolean }
  /** A form that posts itself where scripts run and shows a button where they do not (SAML POST binding). */
  | { readonly page: "continue"; readonly action: string; readonly fields: Readonly<Record<string, string>> };

/** Renders one page as a complete answer: escaped, no-store, nosniff, strict CSP, in the visitor's language. */
export type RenderPage = (
  status: number,
  model: PageModel,
  context: { readonly requestId: string; readonly acceptLanguage: string | null },
) => Answer;
