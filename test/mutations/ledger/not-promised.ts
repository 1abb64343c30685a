/** What is not promised, said plainly: one paragraph each, for the end of docs/security.md. */
export const notPromised: readonly string[] = [
  `**A second answer that comes late.** An application that can be made to send two answers to one request decides when the second one
leaves. What has reached this machine before the next request is written is seen, and the connection closed. What arrives between that and
the true answer looks like the answer: HTTP/1.1 has nothing that tells them apart. For an application that is not trusted so far,
\`proxy.keepAlive: 0s\` gives every request a connection of its own.`,
  `**Connection-bound authentication behind a proxy that shares connections.** A proxy before the gateway that is not in \`trustedProxies\`
and sends several visitors' requests on one connection makes their public requests one visitor's, as it would at the application itself.`,
  `**Header fields of general names.** The lists of fields that end here (\`src/lib/header-names.ts\`) hold what is known of frameworks and
gateways. An application that takes an identity from a field that is on no list (\`uid\`, \`mail\`) needs it in \`headers.set\`, or in
\`headers.request.remove\`. Fields on the lists never pass: \`X-User-Id\` is one, which clients of Rocket.Chat's API send.`,
  `**Addresses in bodies.** Those in header fields are mapped; pages, scripts and WebDAV's \`href\` are the application's, byte for byte. An
application that writes absolute links must know its published address.`,
];
