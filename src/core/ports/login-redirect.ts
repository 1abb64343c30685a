import type { Answer } from "../answer.ts";
import type { Visit } from "../route.ts";

/** Where the data plane sends visitors who must sign in; the login flow itself lives in the control plane. */
export interface LoginRedirect {
  /** 302 to the auth origin, the wanted page remembered and bound to this browser. `acr`: any of these strengths is needed. */
  answer(visit: Visit, needed: { readonly acr: readonly string[] }): Answer;
  /** The absolute login URL that a 401's JSON body names for scripts. */
  urlFor(visit: Visit): string;
}
