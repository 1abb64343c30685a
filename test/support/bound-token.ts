import { createRequire } from "node:module";

// `node bound-token.ts HTTP@host [bindings as hex]`: prints the Kerberos token of whoever KRB5CCNAME is, bound to a TLS connection
// (RFC 5929) as browsers on Windows do. A program of its own, because GSSAPI takes the cache from its environment.

// biome-ignore lint/suspicious/noExplicitAny: koffi's types are of no use for calls that are declared by text
const koffi = createRequire(import.meta.url)("koffi") as any;
const [service = "", hex = ""] = process.argv.slice(2);
koffi.struct("buffer", { length: "size_t", value: "void *" });
koffi.struct("oid", { length: "uint32_t", elements: "void *" });
koffi.struct("bindings", {
  initiator_addrtype: "uint32_t",
  initiator_address: "buffer",
  acceptor_addrtype: "uint32_t",
  acceptor_address: "buffer",
  application_data: "buffer",
});
const gss = koffi.load("libgssapi_krb5.so.2");
const importName = gss.func("uint32_t gss_import_name(_Out_ uint32_t *minor, buffer *text, void *type, _Out_ void **name)");
const initContext = gss.func(
  "uint32_t gss_init_sec_context(_Out_ uint32_t *minor, void *cred, _Inout_ void **context, void *target, void *mech, uint32_t flags, uint32_t time, bindings *bindings, void *input, void *actual, _Out_ buffer *output, void *ret, void *rec)",
);

function copy(bytes: Buffer): { length: number; value: bigint } {
  const value = koffi.alloc("uint8_t", Math.max(bytes.length, 1));
  koffi.encode(value, "uint8_t", bytes, bytes.length);
  return { length: bytes.length, value };
}
function oid(text: string): bigint {
  const bytes = copy(Buffer.from(text, "hex"));
  const pointer = koffi.alloc("oid", 1);
  koffi.encode(pointer, "oid", { length: bytes.length, elements: bytes.value });
  return pointer;
}

const name = [null];
const nothing = { length: 0, value: null };
const application_data = hex === "" ? nothing : copy(Buffer.from(hex, "hex"));
// GSS_C_NT_HOSTBASED_SERVICE, and the Kerberos mechanism.
importName([0], copy(Buffer.from(service)), oid("2a864886f71201020104"), name);
const output = { length: 0, value: null };
const bound = { initiator_addrtype: 0, initiator_address: nothing, acceptor_addrtype: 0, acceptor_address: nothing, application_data };
const major = initContext(
  [0],
  null,
  [null],
  name[0],
  oid("2a864886f712010202"),
  2,
  0,
  hex === "" ? null : bound,
  null,
  null,
  output,
  null,
  null,
);
if (major >>> 16 !== 0) throw new Error(`gss_init_sec_context: ${major}`);
process.stdout.write(Buffer.from(koffi.decode(output.value, "uint8_t", Number(output.length))).toString("base64"));
