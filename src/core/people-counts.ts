import type { Session } from "./session.ts";

/** The kinds under which people are counted (`Facts.countDistinct`): all who signed in, and those who opened an app. */
export const peopleKind = "people";
export const peopleOfApp = (app: string): string => `people of ${app}`;

/** Who a session stands for when people are counted: the person that the directory knows, else the account. */
export function personOf({ principal }: Pick<Session, "principal">): string {
  return principal.person?.id ?? `${principal.provider} ${principal.subject}`;
}
