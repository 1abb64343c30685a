import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { parseAllDocuments } from "yaml";
import { aCertificate, aPrivateKey } from "../config/environment.ts";
import { ownedFolder } from "../support/owned.ts";

const root = new URL("../../", import.meta.url).pathname;
const examples = `${root}docs/examples/`;
const read = (path: string) => readFileSync(examples + path, "utf8");
const unit = read("systemd/vestibule.service");

/** A document whose shape the test states by reading it. */
// biome-ignore lint/suspicious/noExplicitAny: foreign formats; a wrong step fails the test
type Yaml = any;
const documents = (text: string): Yaml[] =>
  parseAllDocuments(text).map((document) => {
    expect(document.errors).toEqual([]);
    return document.toJS();
  });
const manifests = documents(read("kubernetes/vestibule.yaml"));
const ofKind = (kind: string): Yaml => manifests.find((manifest) => manifest.kind === kind);
const [compose] = documents(read("compose/compose.yaml"));

const configs = [
  { name: "systemd", text: read("systemd/vestibule.yaml"), warnings: [] },
  { name: "compose", text: read("compose/vestibule.yaml"), warnings: [] },
  // On purpose: see the NetworkPolicy.
  { name: "kubernetes", text: String(ofKind("ConfigMap").data["vestibule.yaml"]), warnings: ["admin.address"] },
];
const configOf = (name: string): Yaml => documents(configs.find((config) => config.name === name)?.text ?? "")[0];
const variablesOf = (name: string) =>
  [...(configs.find((config) => config.name === name)?.text ?? "").matchAll(/\{ env: (\w+) \}/g)].map(([, variable]) => variable).sort();
const portOf = (address: string) => Number(address.split(":").at(-1));
const good = { VESTIBULE_SECRET: "0123456789abcdef0123456789abcdef", ENTRA_CLIENT_SECRET: "s", REDIS_URL: "redis://127.0.0.1:6379/0" };

/** `vestibule check`, as the operator runs it, with the files that the configuration names. */
function check(text: string, env: Record<string, string>) {
  const folder = ownedFolder("vestibule-docs-");
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const moved = text.replaceAll("/etc/vestibule/", `${folder}/`);
  for (const [file = ""] of moved.matchAll(new RegExp(`${folder}/[\\w./-]+`, "g"))) {
    mkdirSync(dirname(file), { recursive: true });
    const secret = file.endsWith("redis-url") ? good.REDIS_URL : good.VESTIBULE_SECRET;
    writeFileSync(file, file.endsWith(".crt") ? aCertificate : file.endsWith(".key") ? aPrivateKey : secret);
  }
  writeFileSync(join(folder, "vestibule.yaml"), moved);
  const args = [`${root}src/main.ts`, "check", "--config", join(folder, "vestibule.yaml")];
  return spawnSync(process.execPath, args, { env: { PATH: process.env.PATH ?? "", ...env }, encoding: "utf8" });
}

test.each(configs)("the configuration for $name passes `vestibule check`, its policy tests too", ({ text, warnings }) => {
  const { status, stdout, stderr } = check(text, good);
  const told = [...stderr.matchAll(/vestibule\.yaml:\d+:\d+: ([^:]+):/g)].map(([, key]) => key);
  expect([status, told]).toEqual([0, warnings]);
  expect(stdout).toMatch(/(\d+) of \1 policy tests hold/);
});

test("every YAML file of the examples parses", () => {
  const files = readdirSync(examples, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".yaml"));
  expect(files.length).toBeGreaterThan(3);
  for (const file of files) documents(read(file));
});

test("Kubernetes: probes and services reach the ports that the configuration opens", () => {
  const [container] = ofKind("Deployment").spec.template.spec.containers;
  const config = configOf("kubernetes");
  const ports = Object.fromEntries(container.ports.map((port: Yaml) => [port.name, port.containerPort]));
  expect(ports).toEqual({ http: portOf(config.listen[0].address), admin: portOf(config.admin.address) });
  // Probes come from the node, not from the pod.
  expect(config.admin.address).toMatch(/^0\.0\.0\.0:/);
  const probed = (name: string) => [container[`${name}Probe`].httpGet.path, container[`${name}Probe`].httpGet.port];
  expect([probed("readiness"), probed("liveness"), probed("startup")]).toEqual([
    ["/readyz", "admin"],
    ["/healthz", "admin"],
    ["/healthz", "admin"],
  ]);
  const service = ofKind("Service").spec;
  expect(service.ports).toEqual([{ name: "http", port: 80, targetPort: "http" }]);
  expect(ofKind("Ingress").spec.rules.map((rule: Yaml) => rule.host)).toEqual(["auth.acme.example", config.apps[0].host]);
});

test("Kubernetes: two replicas, never none, and time for the pre-stop wait and the whole drain", () => {
  const { replicas, strategy, selector, template } = ofKind("Deployment").spec;
  const [container] = template.spec.containers;
  expect(replicas).toBe(2);
  expect(strategy.rollingUpdate.maxUnavailable).toBe(0);
  const waits = Number(container.lifecycle.preStop.exec.command[1]);
  expect(template.spec.terminationGracePeriodSeconds).toBeGreaterThanOrEqual(waits + 30 + 5);
  const labels = template.metadata.labels;
  expect(selector.matchLabels).toEqual(labels);
  expect(ofKind("PodDisruptionBudget").spec).toEqual({ minAvailable: 1, selector: { matchLabels: labels } });
  expect(ofKind("Service").spec.selector).toEqual(labels);
  expect(ofKind("NetworkPolicy").spec.podSelector.matchLabels).toEqual(labels);
});

test("Kubernetes: the pod finds its configuration and its secrets, and starts with no placeholder", () => {
  const { containers, volumes } = ofKind("Deployment").spec.template.spec;
  const [container] = containers;
  const secret = ofKind("Secret");
  expect(container.args).toEqual(["serve", "--config", "/etc/vestibule/vestibule.yaml"]);
  expect(container.volumeMounts[0]).toEqual({ name: "config", mountPath: "/etc/vestibule", readOnly: true });
  expect(volumes[0].configMap.name).toBe(ofKind("ConfigMap").metadata.name);
  expect(container.envFrom).toEqual([{ secretRef: { name: secret.metadata.name } }]);
  expect(Object.keys(secret.stringData).sort()).toEqual(variablesOf("kubernetes"));
  const { status, stderr } = check(configs[2]?.text ?? "", secret.stringData);
  expect([status, stderr.includes("sessions.secret")]).toEqual([1, true]);
});

test("Compose: ports, names and the time to drain agree with the configuration and the image", () => {
  const { vestibule, redis, wiki } = compose.services;
  const config = configOf("compose");
  expect(vestibule.ports).toEqual([`443:${portOf(config.listen[0].address)}`]);
  expect(Number.parseInt(vestibule.stop_grace_period, 10)).toBeGreaterThan(30);
  expect(new URL(config.apps[0].upstream).hostname in compose.services).toBe(true);
  expect([wiki.ports, redis.ports]).toEqual([undefined, undefined]);
  const page = readFileSync(`${root}docs/docker-compose.md`, "utf8");
  expect([...page.matchAll(/^([A-Z_]+)=/gm)].map(([, name]) => name).sort()).toEqual(variablesOf("compose"));
  expect(page).toContain("@redis:6379");
  expect(existsSync(join(examples, "compose", vestibule.build, "Dockerfile"))).toBe(true);
  expect(readFileSync(`${root}Dockerfile`, "utf8")).toContain(`VESTIBULE_HEALTH_URL=http://${config.admin.address}/healthz`);
});

test("systemd: the unit notifies, stops and reloads as the gateway does", () => {
  const settings = new Map(unit.split("\n").map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]));
  expect(settings.get("Type")).toBe("notify");
  expect(settings.get("NotifyAccess")).toBe("all");
  expect(settings.get("KillMode")).toBe("mixed");
  expect(Number(settings.get("TimeoutStopSec"))).toBeGreaterThan(30);
  expect(settings.get("ExecStart")).toMatch(/main\.js serve --config \/etc\/vestibule\/vestibule\.yaml$/);
  expect(settings.get("ExecReload")).toBe("/bin/kill -HUP $MAINPID");
});

test("systemd: its own verifier finds nothing to say, where there is one", () => {
  const folder = ownedFolder("vestibule-unit-");
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, "vestibule.service");
  writeFileSync(file, unit.replaceAll("/usr/bin/node", process.execPath));
  const { status, stderr, error } = spawnSync("systemd-analyze", ["verify", file], { encoding: "utf8" });
  if (error !== undefined) return expect(error).toMatchObject({ code: "ENOENT" });
  expect([status, stderr]).toEqual([0, ""]);
});
