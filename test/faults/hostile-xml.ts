const head = `<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" ID="_1" Version="2.0" IssueInstant="2030-01-01T00:00:00Z">`;
const bytes = 180_000;
const many = (piece: (at: number) => string, each: number) =>
  Array.from({ length: Math.floor(bytes / each) }, (_, at) => piece(at)).join("");
const entities = Array.from({ length: 30 }, (_, at) => `<!ENTITY e${at + 1} "${`&e${at};`.repeat(10)}">`).join("");
const nested = (depth: number) => "<a>".repeat(depth) + "</a>".repeat(depth);

const documents = [
  `<!DOCTYPE a [<!ENTITY e0 "ha">${entities}]>${head}&e30;</samlp:Response>`,
  `<!DOCTYPE a SYSTEM "http://127.0.0.1:1/evil.dtd">${head}</samlp:Response>`,
  `${head}${nested(63)}</samlp:Response>`,
  `${head}${nested(bytes / 7)}</samlp:Response>`,
  `${head}<a ${many((at) => `a${at}="" `, 10)}/></samlp:Response>`,
  `${head}<a ${many((at) => `xmlns:n${at}="u:${at}" `, 24)}/></samlp:Response>`,
  `${head}${many(() => "<a/>", 4)}</samlp:Response>`,
  `${head}${many(() => "&amp;", 5)}</samlp:Response>`,
  `${head}${many(() => "<!---->", 7)}</samlp:Response>`,
  `${head}<a ${many(() => "x", 1)}`,
  `${head}${many(() => "]]>", 3)}</samlp:Response>`,
  `${head}<?${many(() => "?", 1)}?></samlp:Response>`,
  `${head}<ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:SignedInfo>${many(() => '<ds:Reference URI="#_1"/>', 25)}</ds:SignedInfo></ds:Signature></samlp:Response>`,
  many(() => "<", 1),
];

/** Bodies of posts to an assertion consumer: large as they may be, and made to cost whoever reads them as much as can be. */
export const hostileAnswers: readonly string[] = documents.map(
  (xml) => `SAMLResponse=${encodeURIComponent(Buffer.from(xml).toString("base64"))}&RelayState=x`,
);
