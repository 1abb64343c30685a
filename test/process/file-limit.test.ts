import { expect, onTestFinished, test } from "vitest";
import { freePorts } from "../support/free-port.ts";
import { startGatewayProcess } from "../support/gateway-process.ts";

test.each([
  { files: 500, connections: 501, lines: [{ level: "warn", files: 500, connections: 501 }] },
  { files: 500, connections: 500, lines: [] },
])("$files files and $connections connections: a limit that cannot be reached is said", async ({ files, connections, lines }) => {
  const [port = 0, adminPort = 0] = await freePorts(2);
  const yaml = `version: 1
listen: [{ address: "127.0.0.1:${port}" }]
admin: { address: "127.0.0.1:${adminPort}" }
insecure: { plainHttp: true }
auth: { origin: "http://auth.localhost:${port}" }
limits: { connections: ${connections} }
sessions: { secret: [{ env: VESTIBULE_SECRET }] }
apps: [{ host: wiki.localhost, upstream: "http://127.0.0.1:9", public: ["/**"] }]
`;
  const env = { VESTIBULE_SECRET: "0123456789abcdef0123456789abcdef-files" };
  const gateway = await startGatewayProcess({ yaml, adminPort, env, files });
  onTestFinished(async () => void (await gateway.stop()));
  expect(gateway.logged(({ msg }) => String(msg).startsWith("fewer files may be open"))).toMatchObject(lines);
  if (lines.length > 0) expect(gateway.lines.join("\n")).toContain("LimitNOFILE=");
});
