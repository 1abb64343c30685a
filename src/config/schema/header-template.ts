/** The placeholders of a header template, or what is wrong with its braces. */
export type Template = { readonly ok: true; readonly placeholders: readonly string[] } | { readonly ok: false; readonly why: string };

/** Placeholders that every identity can fill, `extra.x` aside. Tokens are sent only because a rule asks for them by name. */
export const placeholders = ["subject", "email", "name", "groups", "provider", "acr", "accessToken", "idToken"];

/** These need a directory. */
export const directoryPlaceholders = ["person", "roles", "teams", "manager"];

export function readTemplate(text: string): Template {
  const names = [...text.matchAll(/\{([^{}]*)\}/g)].map((match) => match[1] ?? "");
  if (/[{}]/.test(text.replaceAll(/\{[^{}]*\}/g, ""))) return { ok: false, why: "a brace stands alone: placeholders are written {email}" };
  return { ok: true, placeholders: names };
}

/** What apps get when the file says nothing about identity headers. */
export const defaultIdentityHeaders: Readonly<Record<string, string>> = {
  "Remote-User": "{subject}",
  "Remote-Email": "{email}",
  "Remote-Name": "{name}",
  "Remote-Groups": "{groups}",
};
