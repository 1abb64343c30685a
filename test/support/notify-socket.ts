import { chmodSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { ownedFolder } from "./owned.ts";
import { startServerProcess } from "./server-process.ts";

/** The other end of NOTIFY_SOCKET, as systemd would be it. */
export interface NotifySocket {
  /** For the environment of the process that notifies. */
  readonly env: Readonly<Record<string, string>>;
  /** Everything received, one datagram each; the barriers of systemd-notify are left out. */
  readonly messages: readonly string[];
  close(): Promise<void>;
}

/** Node has no datagram sockets of the unix family; Perl has, and is part of every Debian. */
const receiver = `use Socket; $| = 1; my $path = shift;
socket(my $s, AF_UNIX, SOCK_DGRAM, 0) or die $!; bind($s, pack_sockaddr_un($path)) or die $!; print "bound\\n";
while (defined recv($s, my $text, 4096, 0)) { $text =~ s/\\n/|/g; print "$text\\n"; }`;

/** Only for machines without systemd: sends its arguments, as systemd-notify does. */
const standIn = `#!/usr/bin/perl
use Socket; socket(my $s, AF_UNIX, SOCK_DGRAM, 0) or die $!; send($s, join("\\n", @ARGV), 0, pack_sockaddr_un($ENV{NOTIFY_SOCKET})) or die $!;
`;

export async function openNotifySocket(): Promise<NotifySocket> {
  const folder = ownedFolder("vestibule-notify-");
  const socket = join(folder, "notify");
  writeFileSync(join(folder, "systemd-notify"), standIn);
  chmodSync(join(folder, "systemd-notify"), 0o755);
  const lines: string[] = [];
  const server = await startServerProcess({
    command: "perl",
    args: ["-e", receiver, socket],
    folder,
    onLine: (line) => void lines.push(line),
    ready: () => {
      if (lines[0] !== "bound") throw new Error("the socket is not bound yet");
    },
  });
  return {
    env: { NOTIFY_SOCKET: socket, PATH: `${process.env.PATH ?? ""}${delimiter}/usr/bin${delimiter}${folder}` },
    get messages() {
      return lines.slice(1).filter((line) => line !== "BARRIER=1");
    },
    close: async () => void (await server.stop()),
  };
}
