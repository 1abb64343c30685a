/** Who is offered on the login page, to be signed in by one click. */
export interface OfferedUser {
  readonly login: string;
  readonly password: string;
  readonly claims: Readonly<Record<string, unknown>>;
}

/** The provider's login page: one plain form first, no script, posted to its own address; then each user as a button. */
export function loginPage(model: {
  readonly title: string;
  readonly action: string;
  readonly typed: string;
  readonly problem: string | null;
  readonly users: readonly OfferedUser[];
}): string {
  const action = escapeHtml(model.action);
  const people = model.users
    .map(
      ({ login, password, claims }) => `<form method="post" action="${action}">
        <input type="hidden" name="login" value="${escapeHtml(login)}"><input type="hidden" name="password" value="${escapeHtml(password)}">
        <button class="person"><b>${escapeHtml(String(claims.name ?? login))}</b> <span>${escapeHtml(membership(claims.groups))}</span></button>
      </form>`,
    )
    .join("");
  return page(
    model.title,
    `<h1>${escapeHtml(model.title)}</h1><p class="lead">The identity provider's own login page</p>
    ${model.problem === null ? "" : `<p role="alert">${escapeHtml(model.problem)}</p>`}
    <form method="post" action="${action}">
      <label>User name or e-mail address <input name="login" value="${escapeHtml(model.typed)}" autocomplete="username" required autofocus></label>
      <label>Password <input name="password" type="password" value="" autocomplete="current-password"></label>
      <div class="row"><button class="primary" type="submit">Sign in</button> <button type="submit" name="cancel" value="1" formnovalidate>Cancel</button></div>
    </form>
    <h2>Or be one of them</h2>${people}
    <p class="hint">Everybody's password is their name.</p>`,
  );
}

/** The provider's question whether to sign out; its form goes with a hidden yes. */
export function logoutPage(form: string, title = "Sign out"): string {
  const yes =
    '<input type="hidden" name="logout" value="yes"><div class="row"><button class="primary" type="submit">Sign out</button></div></form>';
  return page(
    title,
    `<h1>${escapeHtml(title)}</h1><p class="lead">Do you want to sign out here as well?</p>${form.replace("</form>", yes)}`,
  );
}

const membership = (groups: unknown): string => (Array.isArray(groups) && groups.length > 0 ? groups.join(", ") : "no group");

function page(title: string, content: string): string {
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title><link rel="icon" href="data:,"><style>
:root{color-scheme:light dark;--line:light-dark(#d5d9e2,#363b48);--accent:light-dark(#2b50c8,#8ea8ff)}
body{margin:0;font:1rem/1.5 system-ui,"Liberation Sans",sans-serif;background:light-dark(#eef1f7,#12141a);color:light-dark(#1a1d26,#e9ebf2)}
main{max-width:23rem;margin:8vh auto;padding:2rem;background:light-dark(#fff,#1b1e27);border:1px solid var(--line);border-top:4px solid var(--accent);border-radius:.4rem}
h1{font-size:1.4rem;margin:0}h2{font-size:.85rem;margin:1.8rem 0 .5rem;opacity:.7}.lead,.hint{margin:.1rem 0 1rem;opacity:.7}.hint{font-size:.85rem;margin:1rem 0 0}
label{display:block;margin:.9rem 0}input:not([type=hidden]){display:block;width:100%;box-sizing:border-box;font:inherit;padding:.45rem .6rem;border:1px solid var(--line);border-radius:.3rem}
button{font:inherit;padding:.45rem 1rem;border:1px solid var(--line);border-radius:.3rem;background:transparent;color:inherit;cursor:pointer}
.primary{background:light-dark(#2b50c8,#3e5fd0);border-color:transparent;color:#fff}.row{display:flex;gap:.6rem;margin-top:1.1rem}
.person{width:100%;display:flex;justify-content:space-between;margin-top:.4rem}.person b{font-weight:600}.person span{opacity:.7}
[role=alert]{color:light-dark(#a31515,#ff9c8f)}
</style></head><body><main>${content}</main></body></html>`;
}

function escapeHtml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}
