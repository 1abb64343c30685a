import { execFile } from "node:child_process";

/** What systemd, or another program that set NOTIFY_SOCKET, wants to know (sd_notify(3)). Without that variable nothing is sent. */
export interface ServiceManager {
  /** Listeners are open; also after a reload. Begins the watchdog's beats where they are wanted. */
  ready(): void;
  reloading(): void;
  stopping(): void;
}

const tellMs = 10_000;

/**
 * Speaks through `systemd-notify`, which is on every machine that runs systemd: NOTIFY_SOCKET is a datagram socket, which Node cannot
 * write to, and a native add-on is too much for five words. It is another process, so the unit needs `NotifyAccess=all`.
 */
export function createServiceManager(
  env: Readonly<Record<string, string | undefined>>,
  onFailure: (message: string) => void,
): ServiceManager {
  const socket = env.NOTIFY_SOCKET;
  if (socket === undefined || socket === "") return { ready: () => {}, reloading: () => {}, stopping: () => {} };
  // Not ours with it: that holds secrets.
  const options = { env: { NOTIFY_SOCKET: socket, PATH: env.PATH ?? "/usr/bin:/bin" }, timeout: tellMs };
  let before: Promise<void> = Promise.resolve();
  let failed = false;
  const tell = (...words: readonly string[]) => {
    const run = () =>
      new Promise<void>((resolve) => {
        execFile("systemd-notify", [...words], options, (error) => {
          if (error !== null && !failed) onFailure(`the service manager cannot be told ${words.join(" ")}: ${error.message}`);
          failed ||= error !== null;
          resolve();
        });
      });
    // In this order: READY=1 that overtakes RELOADING=1 leaves the unit reloading without end.
    before = before.then(run);
  };
  const beatMs = watchdogMs(env);
  let beating = false;
  return {
    ready() {
      tell("READY=1", "STATUS=serving");
      if (beatMs === null || beating) return;
      beating = true;
      setInterval(() => tell("WATCHDOG=1"), beatMs).unref();
    },
    // Type=notify-reload compares the time with its own, to know this reload from the one before.
    reloading: () => tell("RELOADING=1", `MONOTONIC_USEC=${process.hrtime.bigint() / 1_000n}`, "STATUS=reloading"),
    stopping: () => tell("STOPPING=1", "STATUS=finishing what is in flight"),
  };
}

/** Half the time after which the service manager takes us for dead; null where no beat is wanted (sd_watchdog_enabled(3)). */
function watchdogMs(env: Readonly<Record<string, string | undefined>>): number | null {
  const microseconds = Number(env.WATCHDOG_USEC ?? "");
  const forUs = env.WATCHDOG_PID === undefined || env.WATCHDOG_PID === "" || Number(env.WATCHDOG_PID) === process.pid;
  return forUs && Number.isFinite(microseconds) && microseconds > 0 ? Math.max(1, Math.floor(microseconds / 2_000)) : null;
}
