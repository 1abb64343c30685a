import { cp, readdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { projectRoot } from "../architecture/source-files.ts";
import { freePort } from "../support/free-port.ts";
import { startGatewayProcess } from "../support/gateway-process.ts";
import { ownedFolder } from "../support/owned.ts";
import { startRecordingUpstream } from "../support/recording-upstream.ts";
import { newVisitor } from "../support/visitor.ts";

/** A login method that asks nobody anything: all that is needed of one, in one folder. */
const method = `import { z } from "zod";
import { GatewayError } from "../../core/errors.ts";
import { attemptOf, completeLogin, useLogin } from "../flow/complete-login.ts";
import type { LoginMethod } from "../method.ts";

const schema = z.strictObject({ person: z.string() });
const path = "/nothing/:provider/done";

export const nothingMethod: LoginMethod<z.output<typeof schema>> = {
  id: "nothing",
  name: "Nothing",
  describe: "Everybody is the same person.",
  schema,
  attributes: { subject: "person", email: "email", name: ["person"], groups: null },
  issuesBearerTokens: false,
  check: () => {},
  settings: ({ person }) => ({ kind: "nothing", person }),
  create: ({ settings: { id, name } }) => ({
    ...{ id, name, kind: "nothing", emailDomains: [], close: () => {} },
    begin: async ({ state }) => ({ go: { kind: "redirect", url: \`/_vestibule/nothing/\${id}/done?state=\${state}\` }, memory: {} }),
    health: () => ({ ok: true, detail: "" }),
    probe: async () => ({ ok: true, detail: "" }),
  }),
  endpoints: (parts, providers) => [
    {
      ...{ path, on: "auth", methods: ["GET"], limited: true, urgent: false },
      run: (request) => {
        const provider = providers.get(request.provider);
        if (provider === undefined) throw new GatewayError("login.provider-unknown", "no such provider");
        const login = useLogin(parts, request, provider, request.query.get("state") ?? "");
        const principal = {
          ...{ provider: provider.id, subject: "somebody", email: null, name: "Somebody", acr: null, authenticatedAt: parts.clock() },
          ...{ groups: { kind: "known", names: [] } as const, extra: {}, claims: {} },
        };
        const nothing = { providerSession: null, logoutHandle: null, tokens: null, refreshAt: null, endsAtLatest: null };
        return completeLogin(parts, request, attemptOf(parts, login, async () => ({ principal, ...nothing })));
      },
    },
  ],
};
`;

test("a new login method is a folder and a row in the table, and nothing else", async () => {
  const folder = ownedFolder("vestibule-method-");
  await cp(join(projectRoot, "src"), join(folder, "src"), { recursive: true });
  for (const name of ["node_modules", "package.json"]) await symlink(join(projectRoot, name), join(folder, name));
  const table = join(folder, "src/login/methods.ts");
  const row = 'import { nothingMethod } from "./nothing/method.ts";\n';
  await writeFile(table, row + (await readFile(table, "utf8")).replace(/= \{\n/, "= {\n  nothing: nothingMethod,\n"));
  await cp(join(folder, "src/login/claims/README.md"), join(folder, "src/login/nothing/README.md"));
  await writeFile(join(folder, "src/login/nothing/method.ts"), method);
  expect(await differences(join(folder, "src"))).toEqual(["login/methods.ts", "login/nothing"]);

  const upstream = await startRecordingUpstream();
  const [port, adminPort] = [await freePort(), await freePort()];
  const gateway = await startGatewayProcess({
    main: join(folder, "src/main.ts"),
    adminPort,
    yaml: `listen: [{ address: "127.0.0.1:${port}" }]
admin: { address: "127.0.0.1:${adminPort}" }
insecure: { plainHttp: true, literalSecrets: true }
auth: { origin: "http://auth.localhost:${port}" }
sessions: { store: memory, secret: ["a secret of at least thirty-two characters"] }
providers:
  everybody: { nothing: { person: somebody } }
apps:
  - { host: wiki.localhost, upstream: "http://127.0.0.1:${upstream.port}", access: [{ allow: { anyone: true } }] }
`,
  });
  try {
    const page = await newVisitor().browse(`http://wiki.localhost:${port}/page`);
    expect([page.status, page.url.href]).toEqual([200, `http://wiki.localhost:${port}/page`]);
    expect(upstream.requests.at(-1)?.header("remote-user")).toBe("somebody");
  } finally {
    await gateway.stop();
    await upstream.close();
  }
});

/** Files that are not as in the project, and folders that are not in it at all. */
async function differences(folder: string): Promise<readonly string[]> {
  const found: string[] = [];
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name).slice(folder.length + 1);
    const original = await readFile(join(projectRoot, "src", path)).catch((error: NodeJS.ErrnoException) => error.code ?? "");
    if (entry.isDirectory()) {
      if (original === "ENOENT") found.push(path);
    } else if (
      !found.some((other) => path.startsWith(`${other}/`)) &&
      !(await readFile(join(folder, path))).equals(Buffer.from(original))
    ) {
      found.push(path);
    }
  }
  return found.toSorted();
}
