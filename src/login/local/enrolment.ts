import { timingSafeEqual } from "node:crypto";
import { page } from "../../control/answers.ts";
import { isText, openJson, sealJson } from "../../control/browser-state.ts";
import { type ControlRequest, onlyParameter, readForm } from "../../control/router.ts";
import type { Answer } from "../../core/answer.ts";
import { GatewayError } from "../../core/errors.ts";
import type { FlowParts } from "../flow/parts.ts";
import { hashEnrolment, offerPasskey, verifyNewPasskey } from "./passkeys.ts";
import type { LocalProvider } from "./provider.ts";
import type { LocalUser, LocalUsers } from "./users-file.ts";

const purpose = "local-enrolment";
const largestForm = 32 * 1_024;

/** `GET, POST …/passkey?login=&secret=`: adds a passkey, once, for whom `vestibule user passkey` printed the address. */
export async function enrolmentEndpoint(parts: FlowParts, provider: LocalProvider, request: ControlRequest): Promise<Answer> {
  if (request.visit.incoming.method === "POST") return addPasskey(parts, provider, request);
  const login = onlyParameter(request.query, "login") ?? "";
  const secret = onlyParameter(request.query, "secret") ?? "";
  const user = enrolledUser(await provider.file.read(), { login, secret, now: parts.clock() });
  const { options, challenge } = await offerPasskey(login, user, provider.party);
  return page(parts, request.visit.incoming, 200, {
    page: "new-passkey",
    login,
    action: `/_vestibule/local/${encodeURIComponent(provider.id)}/passkey`,
    fields: { asked: sealJson(parts.sealer, `${purpose}:${provider.id}`, [login, secret, challenge]) },
    options,
    done: false,
  });
}

async function addPasskey(parts: FlowParts, provider: LocalProvider, request: ControlRequest): Promise<Answer> {
  const form = await readForm(request.request, largestForm);
  const asked = openJson(parts.sealer, `${purpose}:${provider.id}`, onlyParameter(form, "asked"));
  const [login, secret, challenge] = Array.isArray(asked) ? (asked as unknown[]) : [];
  if (!isText(login) || !isText(secret) || !isText(challenge)) throw new GatewayError("login.stale", "the form is not ours");
  const now = parts.clock();
  const passkey = await verifyNewPasskey(onlyParameter(form, "response") ?? "", {
    challenge,
    party: provider.party,
    name: `added ${new Date(now).toISOString().slice(0, 10)}`,
  });
  await provider.file.update((users) => {
    const user = enrolledUser(users, { login, secret, now });
    return { ...users, [login]: { ...user, enrolment: null, passkeys: [...user.passkeys, passkey] } };
  });
  parts.log.warn(
    { request: request.visit.incoming.id, provider: provider.id, subject: login },
    "a passkey was added to an emergency account",
  );
  return page(parts, request.visit.incoming, 200, { page: "new-passkey", login, action: "/", fields: {}, options: "{}", done: true });
}

/** The account that may add a passkey with this secret now. One message for all that is wrong: it tells nothing about accounts. */
function enrolledUser(
  users: LocalUsers,
  { login, secret, now }: { readonly login: string; readonly secret: string; readonly now: number },
): LocalUser {
  const user = Object.hasOwn(users, login) ? users[login] : undefined;
  const [expected, given] = [Buffer.from(user?.enrolment?.hash ?? hashEnrolment("")), Buffer.from(hashEnrolment(secret))];
  const isRight = expected.length === given.length && timingSafeEqual(expected, given) && secret !== "";
  if (user === undefined || user.disabled || user.enrolment === null || !isRight || now > user.enrolment.until)
    throw new GatewayError("login.stale", "the address to add a passkey was used, has expired or is not right");
  return user;
}
