/** `vestibule --help`. */
export const generalHelp = `Vestibule: single sign-on in front of web applications that cannot be changed.

Usage: vestibule COMMAND [options]

Commands:
  serve     run the gateway
  check     say whether a configuration is good: shape, meaning, its own tests
  explain   say what the gateway would do with one request, rule by rule, and why
  user      make and change emergency accounts: passwords, second factors, passkeys
  login-test  try one real login in your browser: claims, who that becomes, what opens
  ldap-test show what a directory says of a login: entry, groups, who that becomes
  config    print the effective configuration, and where each value comes from
  urls      print what to register at the providers
  domains   print the DNS records that prove mail domains, and look for them
  metadata  print our SAML metadata for a provider
  secret    make a value for sessions.secret
  saml-keys make a key and its certificate for a SAML provider
  token     make a service token; list and end people's own
  directory people: export, import, find, unlink, merge, shut out
  schema    print the JSON Schema of the configuration file, for editors
  completion  print the completion of bash or zsh
  sessions  who is signed in at the running gateway: list, show, end
  revoke    end all sessions and tokens of one person
  status    say whether the running gateway is ready, and how many are signed in

Options:
  -c, --config FILE   the configuration; default: $VESTIBULE_CONFIG, else vestibule.yaml
  -h, --help          this text, or a command's own
      --version       the version

Exit codes: 0 good, 1 the configuration or the answer is bad, 2 wrong usage.
`;

/** `vestibule COMMAND --help`. */
export const commandHelp = {
  serve: `Usage: vestibule serve [--config FILE]

Runs the gateway until SIGTERM or SIGINT, then finishes what is in flight (30 s at most); a second signal
stops at once. SIGHUP, or a change of the file, reloads it; a file with problems changes nothing.
With \`workers\` above 1 it keeps that many processes serving; SIGTERM to one of them replaces it without a loss.

  -c, --config FILE   the configuration; default: $VESTIBULE_CONFIG, else vestibule.yaml
`,
  check: `Usage: vestibule check [--config FILE] [--online] [--json]

Lists every problem of the configuration with file, line, column and key, then runs the file's own tests.

  -c, --config FILE   the configuration; default: $VESTIBULE_CONFIG, else vestibule.yaml
      --online        also reach out to the providers, the upstreams, Redis and the name service,
                      and print what to register at the providers
      --json          the result as JSON
`,
  explain: `Usage: vestibule explain [--config FILE] [who] [how] URL

Which app and route a request reaches, each rule hit or missed and why, the decision, and the headers
that would be sent. Without --as-user or --email the visitor is anonymous.

  -c, --config FILE   the configuration; default: $VESTIBULE_CONFIG, else vestibule.yaml
      --as-user ID    the provider's stable id (subject), or an e-mail address
      --email ADDR    the e-mail address
      --name NAME     the display name
      --groups A,B    the groups
      --provider P    the provider; default: the owner of the e-mail domain, else the app's first
      --acr ACR       how strongly the visitor proved who they are
      --claim N=V,W   a claim that a rule asks about; may be given several times
      --method M      the method; default: GET
      --address IP    the client's address; default: 127.0.0.1
      --at TIME       when, in ISO 8601; default: now
      --websocket     as a WebSocket handshake
      --json          the explanation as JSON
`,
  user: `Usage: vestibule user ACTION [LOGIN] [--config FILE] [--provider P] [--file FILE]

Makes and changes the emergency accounts of a provider of kind \`local\`. Passwords are asked for on a terminal, else read from the first
line of standard input. A change is in force at the next login.

  add LOGIN           a new account, with an authenticator secret as a QR code and ten recovery codes
  passwd LOGIN        a new password
  totp LOGIN          a new authenticator secret and new recovery codes
  passkey LOGIN       an address, good once and for a day, at which a browser adds a passkey
  disable, enable, remove LOGIN
  list                accounts, their factors and groups

      --name NAME     with add: the display name
      --email ADDR    with add: the e-mail address
      --groups A,B    with add: the groups
      --no-totp       with add: no second factor yet
      --provider P    which provider of the configuration; default: the only one of kind local
      --file FILE     the file of accounts itself, without a configuration
  -c, --config FILE   the configuration; default: $VESTIBULE_CONFIG, else vestibule.yaml
`,
  "login-test": `Usage: vestibule login-test [--config FILE] PROVIDER

One real login at an OpenID Connect or SAML provider, in a browser of yours: shows what the provider says, who that becomes, and which apps
would open. Nothing else changes: no session is made. Where the gateway runs, its port is taken: then the answer is brought
by hand, as the address that the browser ends at.

  -c, --config FILE   the configuration; default: $VESTIBULE_CONFIG, else vestibule.yaml
`,
  "ldap-test": `Usage: vestibule ldap-test [--config FILE] [--provider P] LOGIN

Looks LOGIN up in the ldap providers with their service accounts, as a login would, and shows the entry, the groups and
who that becomes. No password is asked for or sent.

  -c, --config FILE   the configuration; default: $VESTIBULE_CONFIG, else vestibule.yaml
      --provider P    only this provider
`,
  metadata: `Usage: vestibule metadata [--config FILE] PROVIDER

Prints the SAML metadata that PROVIDER must be given about this gateway. The running gateway serves the same at
<auth.origin>/_vestibule/saml/PROVIDER/metadata.

  -c, --config FILE   the configuration; default: $VESTIBULE_CONFIG, else vestibule.yaml
`,
  config: `Usage: vestibule config [--config FILE]

Prints the whole configuration as it is in force, as YAML: what the file says with its line, what a route has
from its app, and every default. Secrets are shown as the references that they are, never as values.

  -c, --config FILE   the configuration; default: $VESTIBULE_CONFIG, else vestibule.yaml
`,
  urls: `Usage: vestibule urls [--config FILE] [--json] [PROVIDER]

Prints what each provider (or only PROVIDER) has to be told about this gateway, ready to paste.

  -c, --config FILE   the configuration; default: $VESTIBULE_CONFIG, else vestibule.yaml
      --json          the result as JSON
`,
  secret: `Usage: vestibule secret

Prints 256 random bits as text, for sessions.secret:
export VESTIBULE_SECRET=$(vestibule secret)
`,
  "saml-keys": `Usage: vestibule saml-keys [--out BASE] [--name NAME] [--days N]

Makes an RSA key and a certificate that it signs itself, for saml.keys, as BASE.key and BASE.crt, and prints the
line for the configuration. Overwrites nothing.

      --out BASE      where the files go; default: saml
      --name NAME     the certificate's name; default: vestibule
      --days N        how long it is good; default: 1100
`,
  token: `Usage: vestibule token add NAME [--groups A,B] [--networks N,M] [--expires DATE]
       vestibule token list [--person ID] [--email ADDRESS] [--provider ID] [--json]
       vestibule token end HANDLE

Makes a token for a caller that is no person. The token is printed once; the lines for serviceTokens, which keeps
its hash only, go to standard error.

      --groups A,B    the groups that rules see
      --networks N,M  networks from which it counts; default: all
      --expires DATE  the first day on which it no longer counts; default: in a year

list and end: the tokens that people made for their own programs (personalTokens), at the running gateway.

  -c, --config FILE   the configuration; default: $VESTIBULE_CONFIG, else vestibule.yaml
      --admin URL     where the admin listener is reached; default: http:// with admin.address
      --person ID     whose: the subject; --email, --provider likewise
      --json          list: one JSON object a line
`,
  directory: `Usage: vestibule directory [--config FILE] VERB …

People, as running gateways know them. What changes takes effect on their sessions at once where these are in Redis;
an audit line says what was done.

  export                      everything as JSON Lines, on standard output
  import FILE                 what an export says; the same id is replaced
  find TEXT                   people by a word of their name, an address, a user name or a subject
  show PERSON                 one person, with groups, roles and teams as a login would get them now
  unlink PROVIDER SUBJECT     parts an account from its person
  merge INTO FROM             one person of two
  block PERSON                shut out; unblock PERSON lets in again
  set PERSON NAME VALUE       a kept attribute, such as localLogin forbidden; unset PERSON NAME
  remove PERSON               forget a person and what was provisioned of them

  -c, --config FILE   the configuration; default: $VESTIBULE_CONFIG, else vestibule.yaml
`,
  domains: `Usage: vestibule domains [--config FILE] [--check] [--server ADDRESS] [--json]

Prints the TXT records that prove the mail domains of providers with domainProof: dns, as lines of a zone file. Without
them these domains do not count.

  -c, --config FILE   the configuration; default: $VESTIBULE_CONFIG, else vestibule.yaml
      --check         also look whether the records are there; exit code 1 when one is not
      --server ADDR   with --check: the name server to ask; default: this machine's
      --json          the result as JSON
`,
  completion: `Usage: vestibule completion bash|zsh

Prints a script that completes commands and options:
source <(vestibule completion bash)
`,
  schema: `Usage: vestibule schema

Prints the JSON Schema of the configuration file. Put this first in the file and editors complete and check it:
# yaml-language-server: $schema=./vestibule.schema.json
`,
  sessions: `Usage: vestibule sessions list [whose] [--limit N] [--json]
       vestibule sessions show HANDLE
       vestibule sessions end HANDLE | whose | --all  [--dry-run]

Who is signed in at the running gateway, over all its processes and instances. Needs console.token in the configuration.

  -c, --config FILE   the configuration; default: $VESTIBULE_CONFIG, else vestibule.yaml
      --admin URL     where the admin listener is reached; default: http:// with admin.address
      --person ID     whose: the subject, as the provider names the person
      --email ADDR    the e-mail address
      --provider P    a provider's id
      --group G       a group
      --address IP    the client's address at login
      --app HOST      an app that was opened: its first host
      --all           everyone's
      --limit N       list: so many at most
      --dry-run       end: count, and end nothing
      --json          list: one JSON object a line
`,
  revoke: `Usage: vestibule revoke [--config FILE] [--dry-run] PERSON

Ends all sessions and personal tokens of PERSON, named by subject or e-mail address, at every provider. They are refused everywhere
within a second.

  -c, --config FILE   the configuration; default: $VESTIBULE_CONFIG, else vestibule.yaml
      --admin URL     where the admin listener is reached; default: http:// with admin.address
      --dry-run       count, and end nothing
`,
  status: `Usage: vestibule status [--config FILE] [--json]

Whether the running gateway is ready, how many sessions are open, and how its store and providers are. Exit code 1: not ready.

  -c, --config FILE   the configuration; default: $VESTIBULE_CONFIG, else vestibule.yaml
      --admin URL     where the admin listener is reached; default: http:// with admin.address
      --json          as JSON
`,
} as const;
export type CommandName = keyof typeof commandHelp;
