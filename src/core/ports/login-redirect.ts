import type { Answer } from "../answer.ts";
import type { Visit } from "../route.ts";

/** A form that a browser sent to an app. */
export interface SubmittedForm {
  /** `application/x-www-form-urlencoded`, or `multipart/form-data` with its boundary. */
  readonly contentType: string;
  readonly body: Uint8Array<ArrayBuffer>;
  /** The id of the session that the browser had: proof that it is no stranger's. */
  readonly earlierSession: string;
}

/** Where the data plane sends visitors who must sign in; the login flow itself lives in the control plane. */
export interface LoginRedirect {
  /** 302 to the auth origin, the wanted page remembered and bound to this browser. `acr`: any of these strengths is needed. */
  answer(visit: Visit, needed: { readonly acr: readonly string[] }): Answer;
  /**
   * The same for a form that a login interrupts: it is kept for ten minutes, for this browser, and shown again after the login. Null when
   * it cannot be kept as it was sent.
   */
  answerWithForm(visit: Visit, needed: { readonly acr: readonly string[] }, form: SubmittedForm): Promise<Answer | null>;
  /** The absolute login URL that a 401's JSON body names for scripts. */
  urlFor(visit: Visit): string;
}
