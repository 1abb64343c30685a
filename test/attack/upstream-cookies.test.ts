// An upstream must not be able to sign anybody in or out: a Set-Cookie of our own names is dropped, in every disguise. All others pass
// byte for byte and in order.
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Forwarder, startForwarder } from "../support/forwarder.ts";
import { exchange } from "../support/raw-client.ts";
import { type RecordingUpstream, startRecordingUpstream } from "../support/recording-upstream.ts";

let upstream: RecordingUpstream;
let forwarder: Forwarder;
beforeAll(async () => {
  upstream = await startRecordingUpstream();
  forwarder = await startForwarder({ upstreams: [upstream.url], setCookie: ["__Host-vestibule=; Max-Age=0"] });
});
afterAll(async () => {
  await forwarder.close();
  await upstream.close();
});

test("cookies of our own names are dropped, others pass unchanged and in order, ours are added", async () => {
  const theirs = ["a=1; Path=/; Expires=Wed, 21 Oct 2026 07:28:00 GMT", 'b="x;y"; HttpOnly', "vestibuled=fine", "\xe9=\xfc; SameSite=None"];
  const stolen = [
    "__Host-vestibule=evil; Path=/",
    "vestibule=evil",
    "VESTIBULE-browser=evil",
    "__secure-vestibule-login-x=evil",
    " vestibule =evil",
    "=vestibule=evil",
  ];
  const lines = [theirs[0], stolen[0], stolen[1], theirs[1], stolen[2], stolen[3], theirs[2], stolen[4], stolen[5], theirs[3]];
  upstream.answerWith(() => `HTTP/1.1 200 OK\r\n${lines.map((line) => `Set-Cookie: ${line}\r\n`).join("")}Content-Length: 0\r\n\r\n`);
  const { answers } = await exchange(forwarder, "GET / HTTP/1.1\r\nHost: wiki.test\r\n\r\n", { quietMs: 60 });
  expect(answers[0]?.headerValues("set-cookie")).toEqual([...theirs, "__Host-vestibule=; Max-Age=0"]);
});
