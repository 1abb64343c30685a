/** Every failure raised on purpose: its HTTP status, and the only words a visitor may see, in English. */
const specs = {
  // Requests that are refused before anything is looked up.
  "request.malformed": { status: 400, visitor: "The request was not understood." },
  "request.path-ambiguous": { status: 400, visitor: "The address of this page is not valid." },
  "request.host-malformed": { status: 400, visitor: "The request was not understood." },
  "request.host-unknown": { status: 421, visitor: "There is no such site here." },
  "request.method-not-allowed": { status: 405, visitor: "This method is not allowed here." },
  "request.body-too-large": { status: 413, visitor: "What you sent is too large." },
  "request.target-too-long": { status: 414, visitor: "The address of this page is too long." },
  "request.expectation-unknown": { status: 417, visitor: "The request was not understood." },
  "request.headers-too-large": { status: 431, visitor: "The request is too large." },
  "request.timeout": { status: 408, visitor: "The request took too long to arrive." },
  "request.destination-elsewhere": { status: 502, visitor: "This cannot be copied or moved there." },
  "request.loop": { status: 508, visitor: "This address leads round in a circle." },
  "request.websocket-version": { status: 426, visitor: "The request was not understood." },
  "request.not-found": { status: 404, visitor: "There is no such page." },
  // Upstreams.
  "upstream.unreachable": { status: 502, visitor: "The application is not answering." },
  "upstream.answer-malformed": { status: 502, visitor: "The application gave an answer that cannot be passed on." },
  "upstream.tls-failed": { status: 502, visitor: "The application could not be reached safely." },
  "upstream.timeout": { status: 504, visitor: "The application took too long to answer." },
  "gateway.overloaded": { status: 503, visitor: "There are too many visitors right now. Please try again in a moment." },
  "gateway.draining": { status: 503, visitor: "This service is restarting. Please try again in a moment." },
  "gateway.internal": { status: 500, visitor: "Something went wrong here." },
  // Sessions.
  "token.too-many": { status: 429, visitor: "There were too many access tokens that are not valid. Please try again in a minute." },
  "store.unavailable": { status: 503, visitor: "Your session cannot be checked right now. Please try again in a moment." },
  // Logins. Details go to the log with the same request id.
  "login.stale": { status: 400, visitor: "This login has expired. Please start again." },
  "login.other-browser": { status: 400, visitor: "This login was started in another browser. Please start again." },
  "login.return-refused": { status: 400, visitor: "The address to return to is not valid." },
  "login.provider-unknown": { status: 404, visitor: "There is no such sign-in service here." },
  "login.provider-unavailable": { status: 503, visitor: "The sign-in service is not answering. Please try again in a moment." },
  "login.provider-busy": { status: 503, visitor: "The sign-in service is busy. Please try again in a moment." },
  "login.strength-not-given": { status: 403, visitor: "This page needs a stronger sign-in than your sign-in service provided." },
  "login.provider-refused": { status: 403, visitor: "The sign-in service did not let you in." },
  "login.answer-rejected": { status: 400, visitor: "The sign-in service's answer could not be accepted. Please start again." },
  "login.email-domain": { status: 403, visitor: "Your e-mail address belongs to another sign-in service." },
  "login.identity-incomplete": { status: 403, visitor: "The sign-in service did not say enough about you." },
  "login.too-many": { status: 429, visitor: "There were too many attempts to sign in. Please try again in a minute." },
  "login.loop": { status: 508, visitor: "Signing in keeps starting over." },
  // People. The directory's own words about a login that was vouched for.
  "directory.unavailable": { status: 503, visitor: "Your account cannot be checked right now. Please try again in a moment." },
  "directory.not-provisioned": {
    status: 403,
    visitor:
      "There is no account for you here yet. Please ask the person who looks after this service for one, and give them the number below.",
  },
  "directory.deactivated": {
    status: 403,
    visitor:
      "Your account here has been deactivated. If that is a mistake, tell the person who looks after this service, and give them the number below.",
  },
  "directory.address-claimed": {
    status: 403,
    visitor:
      "Another account here already uses your e-mail address. Please tell the person who looks after this service, and give them the number below.",
  },
  "directory.local-login-forbidden": {
    status: 403,
    visitor: "You cannot sign in here with a password. Please use your organisation's sign-in service.",
  },
  "directory.import": { status: 500, visitor: "Something went wrong here." },
  "request.not-proxied": { status: 404, visitor: "This page does not exist here." },
  "forward-auth.incomplete": { status: 500, visitor: "Something went wrong here." },
  "logout.cross-site": { status: 403, visitor: "Please confirm on this page that you want to sign out." },
  "logout.token-rejected": { status: 400, visitor: "The request was not understood." },
  "bearer.rejected": { status: 401, visitor: "The access token was not accepted." },
  // Logins by password. "Unknown" and "wrong" are one answer.
  "login.credentials": { status: 403, visitor: "The user name or the password is not right." },
  "login.account-disabled": { status: 403, visitor: "This account is disabled. Please ask your service desk." },
  "login.account-expired": { status: 403, visitor: "This account has expired. Please ask your service desk." },
  "login.account-locked": {
    status: 403,
    visitor: "This account is locked for now, after too many wrong passwords. Please wait a while, or ask your service desk.",
  },
  "login.account-not-now": {
    status: 403,
    visitor: "This account may not sign in at this time or from this place. Please ask your service desk.",
  },
  "login.password-expired": {
    status: 403,
    visitor: "Your password has expired or must be changed first. Please change it where you usually do, then sign in with the new one.",
  },
  // The directory behind them.
  "ldap.unreachable": { status: 503, visitor: "The sign-in service is not answering. Please try again in a moment." },
  "ldap.tls": { status: 503, visitor: "The sign-in service is not answering. Please try again in a moment." },
  "ldap.service-account": { status: 503, visitor: "The sign-in service is not answering. Please try again in a moment." },
  "ldap.answer": { status: 503, visitor: "The sign-in service is not answering. Please try again in a moment." },
  "ldap.busy": { status: 503, visitor: "The sign-in service is not answering. Please try again in a moment." },
  // Windows sign-on. What a visitor without a good ticket gets is the fallback, not these words.
  "kerberos.library": { status: 503, visitor: "The sign-in service is not answering. Please try again in a moment." },
  "kerberos.busy": { status: 503, visitor: "The sign-in service is not answering. Please try again in a moment." },
  "kerberos.keytab": { status: 503, visitor: "The sign-in service is not answering. Please try again in a moment." },
  "kerberos.no-ticket": { status: 403, visitor: "The sign-in service did not let you in." },
  "kerberos.ticket-refused": { status: 403, visitor: "The sign-in service did not let you in." },
  "kerberos.clock-skew": { status: 403, visitor: "The sign-in service did not let you in." },
  "kerberos.replayed": { status: 403, visitor: "The sign-in service did not let you in." },
  "kerberos.bindings": { status: 403, visitor: "The sign-in service did not let you in." },
  "kerberos.principal": { status: 403, visitor: "The sign-in service did not let you in." },
  "kerberos.kvno": { status: 403, visitor: "The sign-in service did not let you in." },
  "kerberos.enctype": { status: 403, visitor: "The sign-in service did not let you in." },
  "kerberos.key": { status: 403, visitor: "The sign-in service did not let you in." },
  "kerberos.realm": { status: 403, visitor: "The sign-in service did not let you in." },
  // What an operator has to put right, here or at the provider; never the visitor's fault.
  "setup.client": { status: 502, visitor: "The sign-in is not set up correctly. Please tell the people who look after this site." },
  "setup.redirect-uri": { status: 502, visitor: "The sign-in is not set up correctly. Please tell the people who look after this site." },
  "setup.request": { status: 502, visitor: "The sign-in is not set up correctly. Please tell the people who look after this site." },
  "setup.audience": { status: 400, visitor: "The sign-in is not set up correctly. Please tell the people who look after this site." },
  "setup.issuer": { status: 400, visitor: "The sign-in is not set up correctly. Please tell the people who look after this site." },
  "setup.clock": { status: 400, visitor: "The sign-in is not set up correctly. Please tell the people who look after this site." },
  // SAML messages, distinct for operators; visitors read the words of the login failures.
  "saml.malformed": { status: 400, visitor: "The sign-in service's answer could not be accepted. Please start again." },
  "saml.signature": { status: 400, visitor: "The sign-in service's answer could not be accepted. Please start again." },
  "saml.issuer-unknown": { status: 400, visitor: "The sign-in is not set up correctly. Please tell the people who look after this site." },
  "saml.audience": { status: 400, visitor: "The sign-in is not set up correctly. Please tell the people who look after this site." },
  "saml.destination": { status: 400, visitor: "The sign-in service's answer could not be accepted. Please start again." },
  "saml.conditions": { status: 400, visitor: "The sign-in service's answer could not be accepted. Please start again." },
  "saml.clock-skew": { status: 400, visitor: "The sign-in is not set up correctly. Please tell the people who look after this site." },
  "saml.authn-context": { status: 400, visitor: "The sign-in service's answer could not be accepted. Please start again." },
  "saml.decrypt": { status: 400, visitor: "The sign-in service's answer could not be accepted. Please start again." },
  "saml.request-expired": { status: 400, visitor: "This login has expired. Please start again." },
  "saml.unsolicited": { status: 400, visitor: "This login has expired. Please start again." },
  "saml.replayed": { status: 400, visitor: "This login has expired. Please start again." },
  "saml.status": { status: 403, visitor: "The sign-in service did not let you in." },
  "saml.attribute-missing": { status: 403, visitor: "The sign-in service did not say enough about you." },
  "saml.metadata-unusable": { status: 503, visitor: "The sign-in service is not answering. Please try again in a moment." },
  "saml.logout-rejected": { status: 400, visitor: "The request was not understood." },
  // Emergency accounts.
  "local.refused": { status: 403, visitor: "The account, the password or the code is not right." },
  "local.factor-missing": { status: 403, visitor: "This account needs a second factor before it can be used." },
  "local.network": { status: 403, visitor: "This way to sign in is not open from your network." },
  "local.users-file": { status: 503, visitor: "The sign-in service is not answering. Please try again in a moment." },
  // The operators' console and API.
  "console.no-token": { status: 403, visitor: "The way into this console is closed." },
  "console.token-rejected": { status: 401, visitor: "A token is needed." },
  "console.other-site": { status: 403, visitor: "The form is not from this console." },
  "console.only-looking": { status: 403, visitor: "You may look, but not act." },
  "directory.none": { status: 404, visitor: "There is no directory here." },
  "directory.unknown": { status: 404, visitor: "There is no such person, or not any more." },
  "token.unknown": { status: 404, visitor: "There is no such token, or not any more." },
  "session.unknown": { status: 404, visitor: "There is no such session, or not any more." },
  "refusal.unknown": { status: 404, visitor: "There is no such refusal, or not any more." },
  "request.not-json": { status: 415, visitor: "The request was not understood." },
  // Start-up and reload.
  "config.invalid": { status: 500, visitor: "Something went wrong here." },
  "listener.failed": { status: 500, visitor: "Something went wrong here." },
} as const;
export type ErrorCode = keyof typeof specs;

type VisitorWords = { readonly [Code in ErrorCode as `error.${Code}`]: string };

/** The English words of every code under the key that page texts give it: here they stand, and nowhere else. */
export function visitorWords(): VisitorWords {
  return Object.fromEntries(Object.entries(specs).map(([code, { visitor }]) => [`error.${code}`, visitor])) as VisitorWords;
}

/** A failure with a stable code. `message` is for operators; visitors see `visitorMessage` and a request id. */
export class GatewayError extends Error {
  override readonly name = "GatewayError";
  readonly code: ErrorCode;
  constructor(code: ErrorCode, detailForOperators: string, options?: { cause: unknown }) {
    super(detailForOperators, options);
    this.code = code;
  }
  get status(): number {
    return specs[this.code].status;
  }
  get visitorMessage(): string {
    return specs[this.code].visitor;
  }
}

/** The failure as a GatewayError; anything unexpected becomes `gateway.internal` with its cause kept. */
export function asGatewayError(error: unknown): GatewayError {
  if (error instanceof GatewayError) return error;
  return new GatewayError("gateway.internal", error instanceof Error ? error.message : String(error), { cause: error });
}

const agreements: ReadonlySet<string> = new Set<ErrorCode>([
  "saml.audience",
  "saml.issuer-unknown",
  "saml.destination",
  "saml.clock-skew",
  "saml.signature",
  "saml.decrypt",
]);

/**
 * What operators have to look at: names, keys and clocks on which two sides must agree, and a side that is away. Visitors cannot mend it,
 * and do not tell.
 */
export function isOperatorsFault(code: string): boolean {
  if (agreements.has(code) || code.startsWith("setup.")) return true;
  return Object.hasOwn(specs, code) && specs[code as ErrorCode].status >= 500;
}
