import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createMemoryDirectory } from "../../src/directory/memory/store.ts";
import { openSqliteDirectory } from "../../src/directory/sqlite/store.ts";
import { openTestRedisDirectory, type TestRedisDirectory } from "../support/redis-directory.ts";
import { directoryStoreContract } from "./directory-store.contract.ts";

directoryStoreContract("the directory in memory", {
  start: async () => undefined,
  clean: () => undefined,
  open: async () => createMemoryDirectory(),
  stop: async () => undefined,
});

let folder: string;
let round = 0;
directoryStoreContract("the directory in SQLite", {
  start: async () => {
    folder = await mkdtemp(join(tmpdir(), "vestibule-directory-"));
  },
  clean: () => {
    round += 1;
  },
  open: async () => openSqliteDirectory(join(folder, `${round}.db`)),
  stop: () => rm(folder, { recursive: true, force: true }),
});

for (const kind of ["single", "cluster"] as const) {
  let redis: TestRedisDirectory;
  directoryStoreContract(`the directory in Redis (${kind})`, {
    start: async () => {
      redis = await openTestRedisDirectory(kind);
    },
    clean: () => {
      round += 1;
    },
    open: async () => redis.open(`round-${round}:`),
    stop: () => redis.stop(),
  });
}
