import { Agent, request } from "node:http";

/** GET requests without a pause between them, over several kept-alive connections, until told to stop. */
export interface SteadyLoad {
  /** How many were answered so far. */
  answered(): number;
  /** Resolves with whatever was not a complete answer with status 200, as text. */
  stop(): Promise<readonly string[]>;
}

export function startSteadyLoad(target: {
  port: number;
  path: string;
  headers: Record<string, string>;
  lanes?: number;
  keepAlive?: boolean;
}): SteadyLoad {
  const { lanes = 6, keepAlive = true } = target;
  const agent = new Agent({ keepAlive, maxSockets: lanes });
  const failures: string[] = [];
  let going = true;
  let answered = 0;
  const lane = async () => {
    while (going) {
      const failure = await askOnce(target, agent);
      answered += 1;
      if (failure !== null) failures.push(failure);
    }
  };
  const running = Array.from({ length: lanes }, lane);
  return {
    answered: () => answered,
    stop: async () => {
      going = false;
      await Promise.all(running);
      agent.destroy();
      return failures;
    },
  };
}

/** Null when the answer was 200 and complete. */
export function askOnce(
  target: { port: number; path: string; headers: Record<string, string> },
  agent: Agent | false = false,
): Promise<string | null> {
  return new Promise((resolve) => {
    const sent = request({ host: "127.0.0.1", agent, port: target.port, path: target.path, headers: target.headers }, (response) => {
      let body = "";
      response.setEncoding("utf8").on("data", (chunk: string) => {
        body += chunk;
      });
      response.on("end", () => resolve(response.statusCode === 200 ? null : `${response.statusCode}: ${body.slice(0, 80)}`));
      response.on("error", (error: NodeJS.ErrnoException) => resolve(`answer broke off: ${error.code ?? error.message}`));
    });
    sent.on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    sent.end();
  });
}
