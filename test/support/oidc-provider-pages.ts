/** The provider's login page: one plain form, no script, posted to its own address. */
export function loginPage(model: {
  readonly title: string;
  readonly action: string;
  readonly typed: string;
  readonly problem: string | null;
  readonly users: readonly { readonly login: string; readonly password: string }[];
}): string {
  const hints = model.users
    .map(({ login, password }) => `<li><code>${escapeHtml(login)}</code> / <code>${escapeHtml(password)}</code></li>`)
    .join("");
  return page(
    model.title,
    `${model.problem === null ? "" : `<p role="alert">${escapeHtml(model.problem)}</p>`}
    <form method="post" action="${escapeHtml(model.action)}">
      <label>User name or e-mail address <input name="login" value="${escapeHtml(model.typed)}" autocomplete="username" required autofocus></label>
      <label>Password <input name="password" type="password" value="" autocomplete="current-password"></label>
      <button type="submit">Sign in</button> <button type="submit" name="cancel" value="1" formnovalidate>Cancel</button>
    </form>
    <p>Who can sign in here:</p><ul>${hints}</ul>`,
  );
}

/** The provider's question whether to sign out; its form goes with a hidden yes. */
export function logoutPage(form: string, title = "Sign out"): string {
  const complete = form.replace("</form>", '<input type="hidden" name="logout" value="yes"><button type="submit">Sign out</button></form>');
  return page(title, `<p>Do you want to sign out here as well?</p>${complete}`);
}

function page(title: string, content: string): string {
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${escapeHtml(title)}</title><style>
body{font:1rem/1.5 system-ui,sans-serif;max-width:24rem;margin:10vh auto;padding:0 1rem}
label{display:block;margin:1rem 0}input:not([type=hidden]){display:block;width:100%;box-sizing:border-box;font:inherit;padding:.4rem}
button{font:inherit;padding:.4rem 1rem}[role=alert]{color:#a00}
</style></head><body><h1>${escapeHtml(title)}</h1>${content}</body></html>`;
}

function escapeHtml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}
