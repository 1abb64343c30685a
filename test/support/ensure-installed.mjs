// Makes a fresh clone ready: the packages of package-lock.json, a Node that is new enough, and Debian packages for tests.
// Runs before every npm script, so it must work on Node 20 without any dependency, and be quick when nothing is missing.
//
//   node test/support/ensure-installed.mjs [--quiet] [--with redis-server,radicale] [--want nginx,wrk] [--python scim2-cli==1.0]
//
// `--with` names Debian packages that the script cannot do without (exit 1 when they cannot be had), `--want` those it
// can, `--python` packages from PyPI that they can do without, too. No package's install script ever runs, but one, by name: that of `node`, which fetches the Node binary.

import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));
const modules = join(root, "node_modules");
const ownBin = join(modules, ".bin");
const lockWaitSeconds = 900;

const options = readArguments(process.argv.slice(2));
try {
  await ensurePackages();
  await ensureNode();
  await ensureDebianPackages(options.with, true);
  await ensureDebianPackages(options.want, false);
  await ensurePythonPackages(options.python);
} catch (error) {
  process.stderr.write(`vestibule: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}

/** npm's own record in node_modules lists what is really there; it is written last, so a broken-off install shows. */
async function ensurePackages() {
  if (packagesAreInstalled()) return;
  await withLock("packages", async () => {
    if (packagesAreInstalled()) return;
    say("installing the packages of package-lock.json …");
    await run("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], { env: withoutOwnBin() });
  });
}

function packagesAreInstalled() {
  const wanted = readJson(join(root, "package-lock.json"))?.packages ?? {};
  const present = readJson(join(modules, ".package-lock.json"))?.packages;
  if (present === undefined) return false;
  // Optional packages are other platforms' binaries.
  return Object.entries(wanted).every(([path, entry]) => path === "" || entry.optional || present[path]?.version === entry.version);
}

/** npm puts node_modules/.bin first on PATH: with a good `node` there, the script that follows runs on it. */
async function ensureNode() {
  const wanted = readJson(join(root, "package.json")).engines.node.replace(/^>=/, "");
  if ((await nodeThatFollows()) >= asNumber(wanted)) return;
  await withLock("node", async () => {
    if ((await nodeThatFollows()) >= asNumber(wanted)) return;
    say(`fetching Node ${readJson(join(modules, "node/package.json"))?.version ?? wanted} (this machine's own is ${process.version}) …`);
    // npm 11 asks for approval of install scripts and npm 12 refuses them, so it is called by name.
    await run("node", ["installArchSpecificPackage.js"], { cwd: join(modules, "node"), env: withoutOwnBin() }).catch((cause) => {
      throw new Error(`Node ${wanted} or newer is needed, and fetching it failed. Please install it. (${cause.message})`);
    });
    if (!existsSync(join(ownBin, "node"))) symlinkSync("../node/bin/node", join(ownBin, "node"));
    if ((await nodeThatFollows()) < asNumber(wanted)) throw new Error(`Node ${wanted} or newer is needed. Please install it.`);
  });
}

async function nodeThatFollows() {
  const own = join(ownBin, "node");
  const version = existsSync(own) ? await run(own, ["--version"]).catch(() => "") : process.version;
  return asNumber(version);
}

/** 24.18.1 as a number that compares. */
function asNumber(version) {
  const [major = 0, minor = 0, patch = 0] = version.trim().replace(/^v/, "").split(".").map(Number);
  return major * 1e6 + minor * 1e3 + patch;
}

async function ensureDebianPackages(names, needed) {
  const absent = names.filter((name) => !isOnPath(programOf(name)));
  const known = await Promise.all(absent.map(dpkgKnows));
  const missing = absent.filter((_, at) => !known[at]);
  if (missing.length === 0) return;
  const sentence = `Please install ${missing.join(", ")}: sudo apt-get install --no-install-recommends ${missing.join(" ")}`;
  const mayInstall = process.getuid?.() === 0 && isOnPath("apt-get");
  const failure = mayInstall ? await withLock("apt", () => aptInstall(missing)).catch((error) => error) : null;
  if (mayInstall && failure === undefined) return;
  const text = failure === null ? sentence : `${sentence} (${failure.message})`;
  if (needed) throw new Error(text);
  say(`going on without ${missing.join(", ")}. ${text}`);
}

/** Debian starts a service as soon as it is installed; the tests start their own, so the well-known ports stay free. */
async function aptInstall(names) {
  say(`installing Debian packages: ${names.join(", ")} …`);
  const policy = "/usr/sbin/policy-rc.d";
  const ours = !existsSync(policy);
  if (ours) writeFileSync(policy, "#!/bin/sh\nexit 101\n", { mode: 0o755 });
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  try {
    await run("apt-get", ["-q", "update"], { env }).catch(() => {}); // stale lists may still do
    await run("apt-get", ["-q", "install", "-y", "--no-install-recommends", ...names], { env });
  } finally {
    if (ours) unlinkSync(policy);
  }
}

/** Python packages with exact versions, in an environment of their own beside the npm packages; tests can do without. */
async function ensurePythonPackages(names) {
  const folder = join(modules, ".python");
  const done = join(folder, "installed.txt");
  if (names.length === 0 || (existsSync(done) && readFileSync(done, "utf8") === names.join("\n"))) return;
  await withLock("python", async () => {
    say(`installing Python packages: ${names.join(", ")} …`);
    await run("python3", ["-m", "venv", folder]);
    await run(join(folder, "bin/pip"), ["install", "--quiet", "--disable-pip-version-check", ...names]);
    writeFileSync(done, names.join("\n"));
  }).catch((error) => say(`going on without ${names.join(", ")} (${error.message})`));
}

/** For packages that bring no program of their name. */
async function dpkgKnows(name) {
  const status = await run("dpkg-query", ["--status", name]).catch(() => "");
  return /^Status: \S+ ok installed$/m.test(status);
}

function programOf(debianPackage) {
  const elsewhere = {
    "default-jre-headless": "java",
    "fonts-liberation": "/usr/share/fonts/truetype/liberation",
    "krb5-admin-server": "kadmin.local",
    "krb5-kdc": "krb5kdc",
    "krb5-user": "kinit",
    "ldap-utils": "ldapadd",
    "libxml2-utils": "xmllint",
    maven: "mvn",
    "opensaml-schemas": "/usr/share/xml/opensaml",
    "xmltooling-schemas": "/usr/share/xml/xmltooling",
  };
  return elsewhere[debianPackage] ?? debianPackage;
}

function isOnPath(program) {
  if (program.startsWith("/")) return existsSync(program);
  return [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin", "/usr/bin"].some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** One process at a time per clone; a lock whose owner has died is taken over. */
async function withLock(name, work) {
  const folder = join(tmpdir(), `vestibule-${createHash("sha256").update(root).digest("hex").slice(0, 12)}-${process.getuid?.() ?? 0}`);
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `${name}.lock`);
  const deadline = Date.now() + lockWaitSeconds * 1000;
  let told = false;
  while (!tryLock(file)) {
    if (Date.now() > deadline) throw new Error(`another installation has been running for too long; if it is not, delete ${file}`);
    if (!told) say("waiting for another installation in this clone …");
    told = true;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  try {
    return await work();
  } finally {
    rmSync(file, { force: true });
  }
}

function tryLock(file) {
  try {
    writeFileSync(file, String(process.pid), { flag: "wx" });
    return true;
  } catch (error) {
    if (error.code !== "EEXIST") throw error;
  }
  try {
    const owner = Number(readFileSync(file, "utf8"));
    // An empty file is an owner between creating and writing.
    if (owner === 0 ? Date.now() - statSync(file).mtimeMs > 5_000 : !isAlive(owner)) rmSync(file, { force: true });
  } catch {
    // It was released meanwhile.
  }
  return false;
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
}

/** Runs quietly and answers stdout; a failure carries the last lines of what was printed. */
function run(command, args, { cwd = root, env = process.env } = {}) {
  return new Promise((resolve, reject) => {
    let stdout = "";
    let all = "";
    const child = spawn(command, args, { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
    child.stdout.on("data", (chunk) => {
      stdout += chunk;
      all += chunk;
    });
    child.stderr.on("data", (chunk) => {
      all += chunk;
    });
    child.once("error", reject);
    child.once("close", (code) => {
      if (code === 0) resolve(stdout);
      else reject(new Error(`${command} ${args[0]} failed:\n${all.trim().split("\n").slice(-15).join("\n")}`));
    });
  });
}

/** The environment in which `node` and `npm` are the machine's own: npm ci takes node_modules away under their feet. */
function withoutOwnBin() {
  const path = (process.env.PATH ?? "").split(delimiter).filter((folder) => folder !== ownBin);
  const inherited = Object.entries(process.env).filter(
    ([name]) => !/^(npm_(?!config_)|npm_config_local_prefix|INIT_CWD$|NODE_ENV$)/.test(name),
  );
  return { ...Object.fromEntries(inherited), PATH: path.join(delimiter) };
}

function readJson(file) {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch {
    return undefined;
  }
}

function readArguments(args) {
  const list = (name) => (args.includes(name) ? (args[args.indexOf(name) + 1] ?? "") : "").split(",").filter((item) => item !== "");
  return { quiet: args.includes("--quiet"), with: list("--with"), want: list("--want"), python: list("--python") };
}

/** Progress goes to stderr: stdout belongs to the script that follows. */
function say(text) {
  if (!options.quiet) process.stderr.write(`vestibule: ${text}\n`);
}
