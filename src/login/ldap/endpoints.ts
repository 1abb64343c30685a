import { failureAnswer, page, redirectTo } from "../../control/answers.ts";
import { type ControlRequest, type Endpoint, onlyParameter, readForm } from "../../control/router.ts";
import type { Answer } from "../../core/answer.ts";
import { asGatewayError, GatewayError } from "../../core/errors.ts";
import { attemptOf, completeLogin, noteFailedLogin, recallLogin, useLogin } from "../flow/complete-login.ts";
import type { FlowParts } from "../flow/parts.ts";
import { formPage } from "./form.ts";
import { type AccountLimits, createAccountLimits } from "./limits.ts";
import type { LdapProvider } from "./port.ts";

type Providers = ReadonlyMap<string, LdapProvider>;

/** The address to which login forms are posted. A browser that comes to it by GET (the address bar, "back") begins a login again. */
export function ldapEndpoints(parts: FlowParts, providers: Providers): readonly Endpoint[] {
  const limits = createAccountLimits(parts.facts, parts.log);
  const at = { path: "/ldap/:provider/form", on: "auth", limited: true, urgent: false } as const;
  return [
    { ...at, methods: ["POST"], run: (request) => submit(parts, providers, limits, request) },
    { ...at, methods: ["GET"], run: () => redirectTo("/_vestibule/login") },
  ];
}

const mostFormBytes = 8 * 1024;

/** `POST /_vestibule/ldap/<provider>/form`: the right password completes the login, a wrong one shows the form again. */
async function submit(parts: FlowParts, providers: Providers, limits: AccountLimits, request: ControlRequest): Promise<Answer> {
  const provider = providers.get(request.provider);
  if (provider === undefined) throw new GatewayError("login.provider-unknown", "no directory of that name");
  const form = await readForm(request.request, mostFormBytes);
  const field = (name: string) => onlyParameter(form, name) ?? "";
  const state = field("state");
  // The login under way in this browser, by its cookie: a form that another site fills in and sends has none (login CSRF).
  recallLogin(parts, request, provider, state);
  const login = field("username");
  try {
    await limits.spend(provider.id, login);
    // The entry counts too: it may have several names to be found by.
    const vouched = await provider.logIn(login, field("password"), (entry) => limits.spend(provider.id, entry));
    const attempt = attemptOf(parts, useLogin(parts, request, provider, state), () => Promise.resolve(vouched));
    return await completeLogin(parts, request, attempt);
  } catch (error) {
    return failed(parts, request, { provider, state, login, action: `/_vestibule/ldap/${provider.id}/form` }, asGatewayError(error));
  }
}

interface Form {
  readonly provider: LdapProvider;
  readonly state: string;
  readonly login: string;
  readonly action: string;
}

/** What the visitor can correct on the form is said on the form; the login under way goes on. */
function failed(parts: FlowParts, request: ControlRequest, form: Form, failure: GatewayError): Answer {
  const { incoming } = request.visit;
  noteFailedLogin(parts, request, form.provider.id, { code: failure.code, detail: failure.message });
  const problem = problemOf(failure);
  if (problem === null) return failureAnswer(parts, incoming, failure, { startAgainUrl: "/_vestibule/login", isNoted: true });
  return page(parts, incoming, failure.status, formPage({ ...form, problem }));
}

function problemOf({ code, status }: GatewayError): "wrong" | "too-many" | "unavailable" | null {
  if (code === "login.credentials") return "wrong";
  if (code === "login.too-many") return "too-many";
  return status === 503 && code.startsWith("ldap.") ? "unavailable" : null;
}
