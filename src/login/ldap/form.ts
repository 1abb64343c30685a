import type { PageModel } from "../../core/ports/pages.ts";

type PasswordPage = PageModel & { readonly page: "password" };

/** The login form of one directory. `state` binds it to the login under way in this browser: no other site can fill it in (login CSRF). */
export function formPage(form: {
  readonly provider: { readonly name: string };
  readonly action: string;
  readonly state: string;
  readonly login: string;
  readonly problem: PasswordPage["problem"];
}): PasswordPage {
  const { provider, action, state, login, problem } = form;
  return { page: "password", provider: provider.name, action, fields: { state }, login, problem };
}
