import { createMemoryAdapter } from "oidc-provider/lib/adapters/memory_adapter.js";
import { type OidcUser, startOidcProvider } from "../support/oidc-provider.ts";
import { type SamlIdp, startSamlIdp } from "../support/saml-idp.ts";
import { campusKey } from "./campus-key.ts";
import { startDemoDirectory } from "./directory.ts";
import type { DemoPorts } from "./ports.ts";
import { acmeUsers, campusUsers, corpEntries, partnerUsers } from "./users.ts";

/** The four identity providers of the demo. */
export async function startProviders(ports: DemoPorts): Promise<readonly { close(): Promise<void> }[]> {
  const authOrigin = `http://auth.localhost:${ports.gateway}`;
  const start = (id: string, title: string, port: number, users: readonly OidcUser[]) =>
    startOidcProvider({
      // The name that both the browser and the gateway resolve, whatever the machine's name server says.
      host: "localhost",
      port,
      title,
      users,
      acrValues: ["urn:demo:password", "urn:demo:two-factor"],
      clients: [
        {
          client_id: "vestibule",
          client_name: "Vestibule",
          client_secret: `demo-secret-of-${id}`,
          redirect_uris: [`${authOrigin}/_vestibule/oidc/${id}/callback`],
          post_logout_redirect_uris: [`${authOrigin}/_vestibule/signed-out`],
          backchannel_logout_uri: `http://127.0.0.1:${ports.gateway}/_vestibule/oidc/${id}/backchannel-logout`,
          backchannel_logout_session_required: true,
        },
      ],
      // Cookies do not know ports: two providers on one host need different names.
      configuration: {
        adapter: createMemoryAdapter(),
        cookies: {
          keys: [`${id}-${process.pid}-${Date.now()}`],
          names: { session: `${id}_session`, interaction: `${id}_interaction`, resume: `${id}_resume` },
        },
      },
    });
  return Promise.all([
    start("acme", "Acme", ports.acme, acmeUsers),
    start("partner", "Partner company", ports.partner, partnerUsers),
    startCampus(ports.campus, `${authOrigin}/_vestibule/saml/campus`),
    startDemoDirectory(ports.corp, corpEntries),
  ]);
}

/** The one that speaks SAML. */
function startCampus(port: number, saml: string): Promise<SamlIdp> {
  return startSamlIdp({
    host: "localhost",
    port,
    title: "Campus",
    users: campusUsers,
    sp: { entityId: `${saml}/metadata`, acsUrl: `${saml}/acs`, sloUrl: `${saml}/slo`, certificate: null },
    behaviour: { key: campusKey, published: [campusKey.certificate] },
  });
}
