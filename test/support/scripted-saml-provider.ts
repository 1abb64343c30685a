import { GatewayError } from "../../src/core/errors.ts";
import type { LogoutAnswered, LogoutRequested, LogoutWire, SamlProvider } from "../../src/login/saml/context.ts";
import { aPrincipal } from "./policy-builders.ts";
import { type ProviderScript, scriptedProvider } from "./scripted-provider.ts";

export interface SamlScript extends ProviderScript {
  /** Thrown by the next calls of `receive` while set. */
  receiveFails: GatewayError | null;
  /** What a logout message means; null = rejected. */
  logoutMessage: LogoutRequested | LogoutAnswered | null;
  /** Where answers to logout requests go; null = nowhere. */
  answerUrl: string | null;
  readonly answered: { readonly id: string; readonly outcome: "success" | "partial" }[];
  readonly heard: LogoutWire[];
  readonly concluded: { readonly parcel: string; readonly asked: Parameters<SamlProvider["conclude"]>[1] }[];
}
export interface ScriptedSamlProvider extends SamlProvider {
  readonly script: SamlScript;
}

/** A `SAMLResponse` that the scripted provider takes for verified. */
export function scriptedResponse(answer: { readonly state: string | null; readonly id?: string }): string {
  return JSON.stringify({ id: "assertion-1", ...answer });
}

/** A SAML provider whose word is taken for verified; its messages are JSON. */
export function scriptedSamlProvider(id: string, change: { readonly emailDomains?: readonly string[] } = {}): ScriptedSamlProvider {
  const rejected = () => new GatewayError("saml.logout-rejected", "not scripted");
  const plain = scriptedProvider(id, rejected, change);
  const script: SamlScript = Object.assign(plain.script, {
    receiveFails: null,
    logoutMessage: null,
    answerUrl: `https://${id}.idp.example/slo`,
    answered: [],
    heard: [],
    concluded: [],
  });
  return {
    ...plain,
    script,
    kind: "saml",
    answersLogout: true,
    metadataDocument: () => `<EntityDescriptor entityID="${id}"/>`,
    receive: async (form) => {
      if (script.receiveFails !== null) throw script.receiveFails;
      const answer = JSON.parse(form.get("SAMLResponse") ?? "null") as { state: string | null; id: string };
      return {
        state: answer.state,
        relayState: form.get("RelayState"),
        replay: { id: answer.id, until: 1_800_000_300_000 },
        parcel: `parcel of ${answer.id}`,
      };
    },
    conclude: async (parcel, asked) => {
      script.concluded.push({ parcel, asked });
      if (script.finishFails !== null) throw script.finishFails;
      return {
        principal: aPrincipal({ provider: id, acr: asked?.request.acr[0] ?? null, ...script.principal }),
        providerSession: script.providerSession,
        providerAccount: `${id}-account`,
        logoutHandle: "handle",
        tokens: null,
        refreshAt: null,
        endsAtLatest: null,
      };
    },
    acceptLogoutMessage: async (wire) => {
      script.heard.push(wire);
      if (script.logoutMessage === null) throw rejected();
      return script.logoutMessage;
    },
    answerLogout: async (request, outcome) => {
      script.answered.push({ id: request.id, outcome });
      return script.answerUrl === null ? null : { kind: "redirect", url: `${script.answerUrl}?outcome=${outcome}` };
    },
  };
}
