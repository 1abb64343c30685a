import { freePort, isFree } from "../support/free-port.ts";

/** The ports that stand in config/demo.yaml and config/demo-kerberos.yaml. */
const written = {
  ...{ gateway: 8080, admin: 8081, acme: 8082, partner: 8083, wiki: 8084, reports: 8085, campus: 8086, corp: 8087 },
  ...{ intranet: 8088, intranetAdmin: 8089 },
};
export type DemoPorts = Readonly<Record<keyof typeof written, number>>;

/**
 * The ports that the demo uses: the file's own, and another one for each that is taken. With `gatewayPort` only that port
 * will do for the gateway, and null means that it is taken.
 */
export async function choosePorts(gatewayPort: number | null): Promise<DemoPorts | null> {
  if (gatewayPort !== null && !(await isFree(gatewayPort))) return null;
  const chosen: Record<string, number> = {};
  for (const [name, port] of Object.entries(written)) {
    if (name === "gateway" && gatewayPort !== null) chosen[name] = gatewayPort;
    else chosen[name] = port !== gatewayPort && (await isFree(port)) ? port : await freePort();
  }
  return chosen as DemoPorts;
}

/** The demo's configuration with the chosen ports in place of the written ones. */
export function withPorts(yaml: string, ports: DemoPorts): string {
  const byWritten = new Map(Object.entries(written).map(([name, port]) => [String(port), String(ports[name as keyof DemoPorts])]));
  return yaml.replace(/(?<=:)\d{4}\b/g, (port) => byWritten.get(port) ?? port);
}
