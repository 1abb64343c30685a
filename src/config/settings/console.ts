import type { HeadLimits } from "../../core/limits.ts";
import { formatOrigin } from "../../core/origin.ts";
import type { ConditionSpec, RuleSpec } from "../../core/rules.ts";
import type { Address, AppSettings } from "../../core/settings.ts";
import { headerSettings, proxySettings, withPlaces } from "./apps.ts";
import type { SettingsContext } from "./context.ts";

/** The header in which the gateway tells its own console who asks. */
export const consoleAssertionHeader = "X-Vestibule-Assertion";

/**
 * The console as an app like any other: its upstream is the admin listener, its rules decide who comes in, and a signed assertion says who
 * that is. Readers may only ask with methods that change nothing, so that the gateway itself stops every other request of theirs; *explain*, which
 * changes nothing either, is asked by POST as well, since what it asks can be longer than an address.
 */
export function consoleApp(context: SettingsContext, head: HeadLimits): readonly AppSettings[] {
  const { file, references } = context;
  const { host, access, readers } = file.console;
  if (host === null) return [];
  const rulesFor = (methods: readonly string[]): readonly RuleSpec[] => [
    ...withPlaces(access, ["console", "access"], context),
    ...withPlaces(readers, ["console", "readers"], context).map((rule) => (rule.effect === "allow" ? onlyWith(methods, rule) : rule)),
  ];
  const { idle, lifetime } = file.sessions;
  const route = {
    path: "/",
    upstreams: [{ url: addressUrl(file.admin.address), weight: 1 }],
    stripPath: false,
    access: rulesFor(["GET", "HEAD"]),
    public: [],
    optional: [],
    bearer: [],
    basicChallenge: false,
    preflight: null,
    headers: { ...headerSettings({}, references), assertion: { header: consoleAssertionHeader } },
    enforce: true,
    // An event stream is silent while nothing happens.
    proxy: { ...proxySettings({}, references), websocket: false, idleTimeoutMs: 0, maxRequestBodyBytes: 256 * 1024 },
  };
  return [
    {
      name: "Console",
      hosts: [host],
      origin: null,
      providers: Object.keys(file.providers),
      session: { idleMs: Math.min(idle, lifetime), lifetimeMs: lifetime },
      logoutPaths: [],
      paths: { fold: true, rawBytes: false },
      head,
      // An operator whose own session is over signs in and sends the form then, by a click.
      keepForms: true,
      portal: { hidden: false, description: null, icon: null, category: null },
      routes: [route, { ...route, path: "/console/explain", access: rulesFor(["GET", "HEAD", "POST"]) }],
    },
  ];
}

function onlyWith(methods: readonly string[], rule: RuleSpec): RuleSpec {
  const when: ConditionSpec = { all: [rule.when, { methods }] };
  return { ...rule, when };
}

/** Where this machine reaches the admin listener. */
function addressUrl({ host, port }: Address): string {
  const reached = host === "0.0.0.0" ? "127.0.0.1" : host === "::" ? "::1" : host;
  return formatOrigin({ scheme: "http", hostname: reached.includes(":") ? `[${reached}]` : reached, port });
}
