import { createServer, type Socket } from "node:net";
import type { Trial } from "./scenario.ts";

/** An upstream that does to each connection what a scenario wants, and counts connections. */
export interface LoopbackApp {
  readonly url: string;
  /** The most that were open at once. */
  readonly mostConnections: number;
}

export async function startLoopbackApp(trial: Trial, act: (socket: Socket) => void): Promise<LoopbackApp> {
  const open = new Set<Socket>();
  let most = 0;
  const server = createServer((socket) => {
    open.add(socket);
    most = Math.max(most, open.size);
    socket.once("close", () => open.delete(socket));
    socket.on("error", () => undefined);
    act(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", 4_096, resolve));
  trial.later(() => {
    for (const socket of open) socket.destroy();
    server.close();
  });
  const address = server.address();
  return {
    url: `http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}`,
    get mostConnections() {
      return most;
    },
  };
}

/** A public app on `name`.localhost, as YAML for the rig. */
export const publicApp = (name: string, url: string) =>
  `  - name: ${name}\n    host: ${name}.localhost\n    upstream: ${url}\n    access: [{ allow: { groups: [staff] } }]\n    public: ["/**"]`;
