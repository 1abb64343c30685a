import type { DemoPorts } from "./ports.ts";

/** What `npm run demo` prints once everything runs. */
export function welcome(ports: DemoPorts, colour: boolean): string {
  const strong = (text: string) => (colour ? `\u001b[1m${text}\u001b[0m` : text);
  const soft = (text: string) => (colour ? `\u001b[2m${text}\u001b[0m` : text);
  const wiki = `http://wiki.localhost:${ports.gateway}`;
  const reports = `http://reports.internal.localhost:${ports.gateway}`;
  return `
${strong("Vestibule runs.")} Two applications without a login of their own, behind one:

  ${strong("Wiki")}      ${wiki}   ${soft("staff and partners; four sign-in services, one by SAML, one a directory")}
  ${strong("Reports")}   ${reports}   ${soft("staff; Acme only")}
  ${strong("Portal")}    http://auth.localhost:${ports.gateway}   ${soft("everybody's own applications and sessions")}
  ${strong("Console")}   http://console.localhost:${ports.gateway}   ${soft("who is signed in, and end it: admins; staff may look")}

Who can sign in (the password is the name):

  alice@acme.example    staff, admins       bob@acme.example      staff
  carol@acme.example    no group: refused   dave@partner.example  partners: wiki only
  erin@saml.example     staff, admins       frank@saml.example    no group: refused    ${soft("(both by SAML)")}
  grace@corp.example    staff               heidi@corp.example    disabled             ${soft("(both in a directory, by LDAP)")}

What to try in a browser:

  1. Open the wiki as bob with a deep link, and see its query kept: ${wiki}/page?id=7
  2. Go on to Reports: another root name, no second login.
  3. Visit ${wiki}/admin as bob, then with another account as alice.
  4. Sign out in one tab and watch the WebSocket and the event stream of the other end.
  5. Visit ${wiki}/vault: it asks for a stronger login.
  6. Sign in as erin@saml.example: the address alone leads to the SAML provider. Signing out leaves it, too.
  7. Sign in as grace@corp.example: the password is asked for here, and tried at the directory.
  8. Make a token under "Your sessions" (from the portal), for: curl -u me:vst_… ${wiki}/

And with curl:

  curl -i ${wiki}/public          ${soft("# public: no login, no identity")}
  curl -i ${wiki}/api/headers     ${soft("# a script gets 401 and the login URL, never a redirect")}
  curl -i -H 'Remote-User: root' ${wiki}/public   ${soft("# forged headers never arrive")}
  curl -s http://127.0.0.1:${ports.admin}/metrics | grep vestibule_requests

The rules, explained without running anything:

  npm run --silent vestibule -- explain --config config/demo.yaml --as-user bob \\
    --groups staff --provider acme http://wiki.localhost:8080/admin

${soft("Configuration: config/demo.yaml · all log lines: npm run demo -- --verbose · stop: Ctrl-C")}
`;
}
