import { firstForm, type Visitor, type VisitorAnswer } from "../../support/visitor.ts";

/** Sends the forms with SAML messages as a browser's script would, until a page comes that has none. */
export async function carryForms(visitor: Visitor, page: VisitorAnswer): Promise<{ page: VisitorAnswer; trail: readonly string[] }> {
  const trail = [...visitor.trail];
  let current = page;
  for (let round = 0; round < 10 && /name="SAML(Request|Response)"/.test(current.body); round += 1) {
    const { action, fields } = firstForm(current);
    current = await visitor.browse(action, { form: fields, headers: { "sec-fetch-site": "cross-site", origin: current.url.origin } });
    trail.push(...visitor.trail);
  }
  return { page: current, trail };
}
