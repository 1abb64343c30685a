import type { SecurityPromise } from "../../mutation.ts";

const basic = "test/conformance/basic-rp.test.ts";
const begin = "test/protocol/begin-login.test.ts";
const binding = "test/attack/login-binding.test.ts";
const asked = "src/protocol/begin-login.ts";
const answer = "src/protocol/authorization-answer.ts";
const complete = "src/control/login/complete-login.ts";
const state = "src/control/login/login-state.ts";

/** From the first redirect to the code. */
export const oidcLogin: readonly SecurityPromise[] = [
  {
    promise: "Every login is an authorization code flow with PKCE S256.",
    mutations: [
      {
        file: asked,
        find: 'code_challenge_method: "S256",',
        replace: 'code_challenge_method: "plain",',
        test: begin,
        named: "every login is a code flow with PKCE S256, state and nonce to the configured redirect URI",
      },
      {
        file: asked,
        find: "await client.calculatePKCECodeChallenge(memory.verifier)",
        replace: "memory.verifier",
        test: begin,
        named: "nonce and verifier are new every time, and neither is in the URL as a secret",
      },
      {
        file: asked,
        find: 'response_type: "code",',
        replace: 'response_type: "code id_token",',
        test: begin,
        named: "every login is a code flow with PKCE S256, state and nonce to the configured redirect URI",
      },
      {
        file: answer,
        find: 'for (const name of ["response", "id_token", "access_token"])',
        replace: 'for (const name of ["response"])',
        test: basic,
        named: "the redirect back: an ID token comes along unasked: login.answer-rejected",
      },
    ],
  },
  {
    promise: "The code is redeemed with the verifier of this very login.",
    mutations: [
      {
        file: "src/protocol/finish-login.ts",
        find: "pkceCodeVerifier: memory.verifier,",
        replace: "",
        test: begin,
        named: "the code is redeemed with the verifier",
      },
    ],
  },
  {
    promise: "Nonce and verifier are new for every login.",
    mutations: [
      {
        file: asked,
        find: "verifier: client.randomPKCECodeVerifier()",
        replace: 'verifier: "v".repeat(43)',
        test: begin,
        named: "nonce and verifier are new every time, and neither is in the URL as a secret",
      },
      {
        file: asked,
        find: "nonce: client.randomNonce()",
        replace: 'nonce: "n".repeat(43)',
        test: begin,
        named: "nonce and verifier are new every time, and neither is in the URL as a secret",
      },
    ],
  },
  {
    promise: "`state` must be the one of this login.",
    mutations: [
      {
        file: answer,
        find: 'if (answered === null || state === "" || !sameText(answered, state))',
        replace: 'if (answered === null || state === "")',
        test: basic,
        named: "the redirect back: the state is another one: login.answer-rejected",
      },
      {
        file: answer,
        find: 'if (answered === null || state === "" || !sameText(answered, state))',
        replace: "if (answered !== null && !sameText(answered, state))",
        test: basic,
        named: "the redirect back: the state is missing: login.answer-rejected",
      },
    ],
  },
  {
    promise: "`state` counts once, in one process and across processes.",
    mutations: [
      {
        file: complete,
        find: "if (!parts.usedStates.use(state))",
        replace: "if (!state)",
        test: binding,
        named: "a provider's answer counts once, though the cookies of the attempt are brought again",
      },
      {
        file: complete,
        find: 'if (await parts.sessions.once("state", login.state, loginLimitMs)) return vouched;',
        replace: "return vouched;",
        test: binding,
        named: "a state that another process has used is refused after verification",
      },
    ],
  },
  {
    promise: "`state` and nonce are bound to the browser that began: an answer of the attacker's signs no victim in.",
    mutations: [
      {
        file: state,
        find: "return found !== null && found.state === state ? found : null;",
        replace:
          'const empty = { state, provider: "entra", memory: {}, acr: [], reauthenticate: false, at: clock() };\n' +
          '      return found ?? { ...empty, wish: { host: "wiki.acme.example", path: "/", binding: "b", acr: [], rounds: 0, at: clock() } };',
        test: binding,
        named: "login CSRF: the attacker's answer from the provider signs no victim in",
      },
    ],
  },
  {
    promise: "The answer of one provider counts at no other's address (mix-up).",
    mutations: [
      {
        file: complete,
        find: "if (login.provider !== provider.id)",
        replace: 'if (login.provider === "")',
        test: binding,
        named: "an answer delivered at another provider's callback is refused (mix-up)",
      },
    ],
  },
  {
    promise: "`iss` in the answer must be this provider's where it stands, and stand there where it was announced; in errors too.",
    mutations: [
      {
        file: answer,
        find: "if (issuer !== null && issuer !== metadata.issuer)",
        replace: "if (issuer === undefined)",
        test: basic,
        named: "the redirect back: iss is another provider (mix-up): login.answer-rejected",
      },
      {
        file: answer,
        find: "if (issuer === null && metadata.authorization_response_iss_parameter_supported)",
        replace: "if (issuer === undefined)",
        test: basic,
        named: "the redirect back: iss is missing although announced: login.answer-rejected",
      },
      {
        file: answer,
        find: 'const issuer = once("iss");',
        replace: 'const issuer = answer.has("error") ? metadata.issuer : once("iss");',
        test: basic,
        named: "the redirect back: an error of another provider: login.answer-rejected",
      },
    ],
  },
  {
    promise: "Nothing may stand twice in the answer.",
    mutations: [
      {
        file: answer,
        find: "if (values.length > 1)",
        replace: "if (values.length > 2)",
        test: basic,
        named: "nothing may stand twice in the redirect back",
      },
    ],
  },
  {
    promise: "There is one redirect URI per provider, from the configuration; never from Host or a parameter.",
    mutations: [
      {
        file: "src/compose-version.ts",
        find: "redirectUri: `",
        replace: "redirectUri: `https://wiki.acme.example` + `",
        test: "test/attack/redirect-uri.test.ts",
        named: "with the auth host a login has the redirect URI of the configuration",
      },
      {
        file: asked,
        find: "redirect_uri: context.redirectUri,",
        replace: "redirect_uri: context.postLogoutRedirectUri,",
        test: begin,
        named: "every login is a code flow with PKCE S256, state and nonce to the configured redirect URI",
      },
      {
        file: "src/protocol/finish-login.ts",
        find: "const answered = new URL(context.redirectUri);",
        replace: 'const answered = new URL("/elsewhere", context.redirectUri);',
        test: begin,
        named: "the code is redeemed with the verifier",
      },
    ],
  },
];
