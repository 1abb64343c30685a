import { createHash } from "node:crypto";
import {
  type AuthenticationResponseJSON,
  generateAuthenticationOptions,
  generateRegistrationOptions,
  type RegistrationResponseJSON,
  verifyAuthenticationResponse,
  verifyRegistrationResponse,
} from "@simplewebauthn/server";
import { GatewayError } from "../../core/errors.ts";
import type { LocalUser, Passkey } from "./users-file.ts";

/** Answers of authenticators are about 1 KiB; attestations are not asked for. */
const largestResponse = 16_384;

/** Where a passkey is good: it is bound to this host by the browser (WebAuthn Level 2, 5.1.4). */
export interface RelyingParty {
  /** The auth origin's host name. */
  readonly id: string;
  readonly origin: string;
  readonly name: string;
}

/** What a browser is given, as JSON, and the challenge in it that its answer must repeat. */
export interface Ceremony {
  readonly options: string;
  readonly challenge: string;
}

/** What is kept of the one-time secret by which a passkey may be added. */
export const hashEnrolment = (secret: string) => createHash("sha256").update(`vestibule enrolment ${secret}`).digest("base64url");

/** Asks for one of the account's passkeys, with user verification: it is one factor, and the device holds another. */
export async function askForPasskey({ passkeys }: LocalUser, { id }: RelyingParty): Promise<Ceremony> {
  const allowCredentials = passkeys.map((passkey) => ({ id: passkey.id, transports: passkey.transports as never }));
  const options = await generateAuthenticationOptions({ rpID: id, allowCredentials, userVerification: "preferred" });
  return { options: JSON.stringify(options), challenge: options.challenge };
}

/** The passkey that signed this challenge, with its new counter. @throws GatewayError `local.refused` */
export async function verifyPasskey(
  response: string,
  asked: { readonly challenge: string; readonly party: RelyingParty; readonly passkeys: readonly Passkey[] },
): Promise<Passkey> {
  const answer = parseResponse(response) as unknown as AuthenticationResponseJSON;
  const passkey = asked.passkeys.find(({ id }) => id === answer.id);
  if (passkey === undefined) throw new GatewayError("local.refused", "the passkey does not belong to this account");
  const { verified, authenticationInfo } = await failing(() =>
    verifyAuthenticationResponse({
      response: answer,
      expectedChallenge: asked.challenge,
      expectedOrigin: asked.party.origin,
      expectedRPID: asked.party.id,
      requireUserVerification: false,
      credential: { id: passkey.id, publicKey: Buffer.from(passkey.publicKey, "base64url"), counter: passkey.counter },
    }),
  );
  if (!verified) throw new GatewayError("local.refused", "the passkey's signature is wrong");
  return { ...passkey, counter: authenticationInfo.newCounter };
}

/** Offers to make a passkey for the account; those that it has are not made again. */
export async function offerPasskey(login: string, user: LocalUser, { id, name }: RelyingParty): Promise<Ceremony> {
  const options = await generateRegistrationOptions({
    rpID: id,
    rpName: name,
    userName: login,
    userDisplayName: user.name ?? login,
    excludeCredentials: user.passkeys.map((passkey) => ({ id: passkey.id })),
    authenticatorSelection: { residentKey: "discouraged", userVerification: "preferred" },
  });
  return { options: JSON.stringify(options), challenge: options.challenge };
}

/** The new passkey. @throws GatewayError `local.refused` */
export async function verifyNewPasskey(
  response: string,
  asked: { readonly challenge: string; readonly party: RelyingParty; readonly name: string },
): Promise<Passkey> {
  const answer = parseResponse(response) as unknown as RegistrationResponseJSON;
  const { verified, registrationInfo } = await failing(() =>
    verifyRegistrationResponse({
      response: answer,
      expectedChallenge: asked.challenge,
      expectedOrigin: asked.party.origin,
      expectedRPID: asked.party.id,
      requireUserVerification: false,
    }),
  );
  if (!verified || registrationInfo === undefined) throw new GatewayError("local.refused", "the new passkey was not made for this address");
  const { id, publicKey, counter, transports } = registrationInfo.credential;
  return { id, publicKey: Buffer.from(publicKey).toString("base64url"), counter, transports: [...(transports ?? [])], name: asked.name };
}

/** A JSON object with a text for an id: everything else of it is for the verifier. */
function parseResponse(text: string): { readonly id: string } {
  if (text.length > largestResponse) throw new GatewayError("local.refused", "the passkey's answer is too long");
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null && "id" in value && typeof value.id === "string") return { ...value, id: value.id };
  } catch {
    // The throw below says it.
  }
  throw new GatewayError("local.refused", "the passkey's answer is malformed");
}

/** The verifier throws for whatever does not fit. */
async function failing<T>(verify: () => Promise<T>): Promise<T> {
  try {
    return await verify();
  } catch (cause) {
    throw new GatewayError("local.refused", `the passkey was not accepted: ${cause instanceof Error ? cause.message : String(cause)}`, {
      cause,
    });
  }
}
