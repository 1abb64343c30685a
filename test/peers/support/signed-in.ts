import { newVisitor, type Visitor } from "../../support/visitor.ts";

/** Whether the gateway still lets this browser's requests through to `url`. */
export async function isSignedIn(visitor: Visitor, url: string): Promise<boolean> {
  return (await visitor.fetch(url)).status === 200;
}

/** A second browser that got hold of the cookies of the first for the host of `url`. */
export function withCookiesOf(visitor: Visitor, url: string): Visitor {
  const { hostname } = new URL(url);
  const other = newVisitor();
  for (const [name, value] of visitor.cookies(hostname)) other.setCookie(hostname, name, value);
  return other;
}
