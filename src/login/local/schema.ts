import { z } from "zod";
import { key, network, text } from "../../config/values/schema-values.ts";
import type { AttributeSettings, MethodSettings } from "../../core/settings.ts";
import type { MethodCheck } from "../method.ts";

/** Emergency accounts, outside single sign-on: who is in the file, from where, and with how many factors. */
export const localSchema = z.strictObject({
  file: key(text(), "The file of accounts, an absolute path; made and changed by `vestibule user`."),
  networks: key(z.array(network()).prefault([]), "From where these accounts may be used; empty is anywhere."),
  secondFactor: key(z.enum(["required", "optional"]).prefault("required"), "required: an account without a second factor cannot be used."),
});
export type LocalFile = z.infer<typeof localSchema>;

/** A provider of emergency accounts as its code sees it. */
export interface LocalSettings extends MethodSettings {
  readonly kind: "local";
  readonly file: string;
  /** CIDR networks. */
  readonly networks: readonly string[];
  readonly secondFactor: "required" | "optional";
}

/** The settings of a provider of this method; null for another's. */
export function localOf(protocol: MethodSettings): LocalSettings | null {
  return protocol.kind === "local" ? (protocol as LocalSettings) : null;
}

/** The names that an account has in the file. */
export const localAttributes: Omit<AttributeSettings, "extra"> = { subject: "login", email: "email", name: ["name"], groups: "groups" };

/** Reports a path that depends on where the gateway is started: the accounts of another folder would count. */
export function checkLocal({ file }: LocalFile, { path, report }: MethodCheck): void {
  if (!file.startsWith("/")) report.problem([...path, "file"], `write an absolute path, such as /etc/vestibule/${file.split("/").pop()}`);
}

/** The file's `local:` with its defaults applied. */
export const localSettings = (file: LocalFile): LocalSettings => ({ kind: "local", ...file });
