import type { Secret } from "./secret.ts";

/** What the gateway itself knows about people, as configured. */
export interface DirectorySettings {
  /** `redis` is the sessions' Redis. */
  readonly store: { readonly kind: "sqlite"; readonly file: string } | { readonly kind: "redis" } | { readonly kind: "memory" };
  /** `jit`: made at the first login. `scim`: only provisioned people may sign in. `both`: either. */
  readonly provisioning: "jit" | "scim" | "both";
  /** Whether another provider's verified address finds a person once. */
  readonly link: "email" | "none";
  readonly defaultGroups: readonly string[];
  readonly attributes: Readonly<Record<string, AttributePolicy>>;
  readonly roles: Readonly<Record<string, RoleRule>>;
  readonly teams: TeamRules;
}

/** When a provider's value replaces the kept one. */
export type AttributePolicy = "every-login" | "first-login" | "if-empty";

/** Who has a role: members of any of these groups, or any manager. */
export interface RoleRule {
  readonly groups: readonly string[];
  readonly managers: boolean;
  /** Never taken away by a login. */
  readonly keep: boolean;
}

export interface TeamRules {
  readonly from: readonly ("department" | "groups")[];
  /** Whether a department that is no team yet becomes one. Groups never do: anyone may be able to make a group. */
  readonly create: boolean;
  /** A group's id, or a department, to the team's name. */
  readonly names: Readonly<Record<string, string>>;
}

/** A provider that provisions people. */
export interface ScimSettings {
  /** Each of them is accepted: rotation without an outage. */
  readonly tokens: readonly Secret[];
}

/** What is asked of Microsoft Graph about an Entra account. */
export interface GraphSettings {
  readonly groups: "overage" | "always" | "never";
  readonly profile: readonly ("department" | "manager" | "jobTitle")[];
}
