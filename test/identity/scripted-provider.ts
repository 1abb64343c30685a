import { GatewayError } from "../../src/core/errors.ts";
import type { LoginProvider } from "../../src/core/ports/login-provider.ts";

const unused = () => Promise.reject(new Error("not part of this test"));

/** A login provider whose every answer the test gives. */
export function scriptedProvider(id: string, answers: Partial<LoginProvider> = {}): LoginProvider {
  return {
    id,
    name: id,
    kind: "oidc",
    emailDomains: [],
    begin: unused,
    refresh: unused,
    verifyBearer: () => Promise.reject(new GatewayError("bearer.rejected", "not ours")),
    health: () => ({ ok: true, detail: "" }),
    probe: async () => ({ ok: true, detail: "" }),
    close: () => undefined,
    ...answers,
  };
}
