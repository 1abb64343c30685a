const longestText = 300;
const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/**
 * Text of a provider's own (an error description, say), made fit for a log line.
 *
 * Control characters would forge lines, and providers are known to quote the token or code that they refuse: the secrets that were
 * sent, and anything that looks like one, are blotted out. UUIDs stay, because support desks ask for them.
 */
export function cleanProviderText(text: unknown, secrets: readonly string[] = []): string {
  if (typeof text !== "string") return "";
  let clean = text;
  for (const secret of secrets) if (secret !== "") clean = clean.replaceAll(secret, "[redacted]");
  return clean
    .slice(0, 4 * longestText)
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, " ")
    .replace(/[A-Za-z0-9_+=~-]{32,}/g, (run) => (uuid.test(run) ? run : "[redacted]"))
    .slice(0, longestText)
    .trim();
}
