import type { DirectorySettings } from "../../src/core/directory-settings.ts";
import { serveScim } from "../../src/directory/scim/server.ts";
import { createDirectoryRig, type DirectoryRig, type DirectoryRigOptions } from "./directory-rig.ts";
import type { ScimBody } from "./scim-client.ts";

type Body = Record<string, unknown>;

export interface ScimReply {
  readonly status: number;
  readonly body: ScimBody;
  readonly headers: Readonly<Record<string, string>>;
}

/** A directory with the SCIM server of `entra`, asked without HTTP in between. */
export interface ScimRig extends DirectoryRig {
  scim(
    method: string,
    path: string,
    body?: unknown,
    headers?: { readonly ifMatch?: string; readonly ifNoneMatch?: string },
  ): Promise<ScimReply>;
  /** Another provider's server over the same directory. */
  as(provider: string): ScimRig["scim"];
  user(change?: Body): Promise<Body & { readonly id: string }>;
}

export const userSchema = "urn:ietf:params:scim:schemas:core:2.0:User";
export const groupSchema = "urn:ietf:params:scim:schemas:core:2.0:Group";
export const enterpriseSchema = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
export const patchSchema = "urn:ietf:params:scim:api:messages:2.0:PatchOp";

export const patchOf = (...Operations: unknown[]) => ({ schemas: [patchSchema], Operations });

export function createScimRig(change: Partial<DirectorySettings> = {}, options: DirectoryRigOptions = {}): ScimRig {
  const rig = createDirectoryRig({ provisioning: "both", ...change }, options);
  const as = (provider: string): ScimRig["scim"] => {
    const context = { ...rig.deps, effects: rig.effects, provider, baseUrl: `https://auth.acme.example/_vestibule/scim/${provider}/v2` };
    return async (method, path, body, headers = {}) => {
      const [place = "", query = ""] = path.split(/\?(.*)/s);
      const answer = await serveScim(context, {
        method,
        path: place,
        query: new URLSearchParams(query),
        ifMatch: headers.ifMatch ?? null,
        ifNoneMatch: headers.ifNoneMatch ?? null,
        body: body === undefined ? null : typeof body === "string" ? body : JSON.stringify(body),
        request: "r",
        client: "192.0.2.1",
      });
      return { status: answer.status, body: JSON.parse(JSON.stringify(answer.body)), headers: Object.fromEntries(answer.headers) };
    };
  };
  const scim = as("entra");
  let count = 0;
  return {
    ...rig,
    get now() {
      return rig.now;
    },
    set now(at: number) {
      rig.now = at;
    },
    scim,
    as,
    user: async (own = {}) => {
      count += 1;
      rig.now += 1;
      const { status, body } = await scim("POST", "/Users", { schemas: [userSchema], userName: `user${count}@acme.example`, ...own });
      if (status !== 201) throw new Error(`${status} ${JSON.stringify(body)}`);
      return body;
    },
  };
}
