import { z } from "zod";
import { key, secret, someOf, text } from "../values/schema-values.ts";

const sqlite = z.strictObject({ file: key(text(), "One file, shared by the processes of this machine; made when it is not there.") });

const name = () => text().refine((value) => value === value.trim() && !/\p{Cc}/u.test(value), { error: "a name has no spaces around it" });

const role = z.strictObject({
  groups: key(z.array(text()).prefault([]), "Members of any of these groups have it, by id or by name without case."),
  managers: key(z.boolean().prefault(false), "Whoever is somebody's manager has it."),
  keep: key(z.boolean().prefault(false), "Never taken away by a login."),
});

const teams = z.strictObject({
  from: key(z.array(z.enum(["department", "groups"])).prefault(["department", "groups"]), "What gives a team."),
  create: key(z.boolean().prefault(false), "A department that is no team yet becomes one. Groups never do."),
  names: key(z.record(text(), name()).prefault({}), "A group's id, or a department, to the team's name."),
});

/** What the gateway itself knows about people. */
export const directory = key(
  z
    .strictObject({
      store: key(
        z
          .union([z.literal("memory"), z.literal("redis"), z.strictObject({ sqlite: key(sqlite, "In a file.") })], {
            error: "write { sqlite: { file: PATH } }, redis or memory",
          })
          .prefault({ sqlite: { file: "/var/lib/vestibule/directory.db" } }),
        "{ sqlite: { file: PATH } }, redis (the sessions' Redis) or memory.",
      ),
      provisioning: key(
        z.enum(["jit", "scim", "both"]).prefault("jit"),
        "jit: made at the first login; scim: only provisioned people may sign in; both: either. A provisioned person meets a login when externalId is the login's subject, else when userName or an address is the login's verified address.",
      ),
      link: key(
        z.enum(["email", "none"]).prefault("email"),
        "email: a second provider's verified address finds the person once, then the ids are linked for good.",
      ),
      defaultGroups: key(z.array(text()).prefault([]), "Groups that everybody is in."),
      attributes: key(
        z.record(text(), z.enum(["every-login", "first-login", "if-empty"])).prefault({}),
        "When a provider's value replaces the kept one; every-login where nothing is said.",
      ),
      roles: key(z.record(name(), role).prefault({}), "{roles} in headers and rules."),
      teams: key(teams.prefault({}), "{teams} in headers and rules."),
    })
    .nullable()
    .prefault(null),
  "What the gateway itself knows about people; null: only what providers say at login.",
);

/** Per provider: it provisions people. */
export const scim = key(
  z
    .strictObject({
      tokens: key(someOf(secret(), "token"), "Each of these secrets is accepted: put a new one beside the old one to rotate."),
    })
    .nullable()
    .prefault(null),
  "The provider provisions people at <auth.origin>/_vestibule/scim/<provider>/v2.",
);

/** Per OIDC provider of Entra: what Microsoft Graph is asked. */
export const graph = key(
  z
    .strictObject({
      groups: key(
        z.enum(["overage", "always", "never"]).prefault("overage"),
        "overage: where the token says that there are too many groups for it; always: at each login and refresh.",
      ),
      profile: key(z.array(z.enum(["department", "manager", "jobTitle"])).prefault([]), "What is asked of the person besides."),
    })
    .nullable()
    .prefault(null),
  "For Entra: what Microsoft Graph is asked, with this app's own credentials.",
);

/** Per provider: whether its mail domains must be proved. */
export const domainProof = key(
  z.enum(["none", "dns"]).prefault("none"),
  "dns: emailDomains count only while a TXT record proves them; vestibule domains prints what to enter.",
);
