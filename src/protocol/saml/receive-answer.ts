import type { ReceivedAnswer } from "../../core/ports/saml-provider.ts";
import { stateOf } from "./begin-login.ts";
import { decodePosted, type VerifiedAnswer, verifyResponse } from "./response.ts";
import type { SamlContext } from "./saml-context.ts";
import { withCurrentKeys } from "./with-current-keys.ts";
import { malformed } from "./xml-tree.ts";

const dayMs = 86_400_000;

/** Verifies what was posted to the assertion consumer service, in all that needs no browser. */
export async function receiveAnswer(context: SamlContext, form: URLSearchParams): Promise<ReceivedAnswer> {
  const xml = decodePosted(onlyField(form, "SAMLResponse") ?? "");
  const relayState = onlyField(form, "RelayState");
  const { saml, acsUrl, decryption, clock } = context;
  const toleranceMs = saml.clockToleranceMs;
  const answer = await withCurrentKeys(context, (metadata) =>
    verifyResponse(xml, {
      issuer: metadata.entityId,
      entityId: saml.entityId,
      acsUrl,
      decryption,
      signatures: { keys: metadata.keys, allowSha1: saml.allowSha1 },
      allowUnsolicited: saml.allowIdpInitiated,
      now: clock(),
      toleranceMs,
    }),
  );
  noteExpiredKey(context, answer);
  // A day after it was issued no assertion is accepted, whatever it says of itself (LemonLDAP::NG's say 20 hours), and need not be known.
  const longest = clock() + dayMs + 2 * toleranceMs;
  return {
    state: answer.inResponseTo === null ? null : stateOf(answer.inResponseTo),
    relayState: relayState === "" ? null : relayState,
    replay: { id: answer.assertionId, until: Math.min(answer.replayUntil, longest) },
    parcel: JSON.stringify(answer),
  };
}

/** Two of a kind, and two readers could take different ones. */
function onlyField(form: URLSearchParams, name: string): string | null {
  const values = form.getAll(name);
  if (values.length > 1) throw malformed(`the form holds ${name} more than once`);
  return values[0] ?? null;
}

/** Metadata vouches for the key, not the certificate around it: worth a line, not a refusal. */
function noteExpiredKey({ log, clock, settings }: SamlContext, { signedBy: { expiresAt, fingerprint } }: VerifiedAnswer): void {
  if (expiresAt === null || expiresAt > clock()) return;
  const expired = new Date(expiresAt).toISOString();
  log.warn({ provider: settings.id, fingerprint, expired }, "an answer was signed with a key whose certificate has expired");
}
