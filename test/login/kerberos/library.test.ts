import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";
import { type Koffi, loadGssapi } from "../../../src/login/kerberos/gssapi.ts";

test("where MIT's library is absent the message says what to install", () => {
  const koffi = {
    load: (file: string) => {
      throw new Error(`cannot open ${file}`);
    },
  } as unknown as Koffi;
  expect(() => loadGssapi(koffi)).toThrowError(
    expect.objectContaining({
      code: "kerberos.library",
      message: expect.stringMatching(/apt-get install libgssapi-krb5-2.*dnf install krb5-libs/),
    }),
  );
});

test("where the optional package is absent the message says how to get it", () => {
  const without = `import { registerHooks } from "node:module";
registerHooks({ resolve: (name, context, next) => { if (name === "koffi") throw new Error("not installed"); return next(name, context); } });
const { loadKoffi } = await import(${JSON.stringify(new URL("../../../src/login/kerberos/gssapi.ts", import.meta.url).href)});
try { loadKoffi(); } catch (error) { process.stdout.write(error.code + " " + error.message); }`;
  const said = execFileSync(process.execPath, ["--input-type=module", "-e", without], { encoding: "utf8" });
  expect(said).toMatch(/^kerberos\.library .*koffi.*npm install --include=optional/);
});
