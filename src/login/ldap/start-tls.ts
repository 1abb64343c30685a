import type { Socket } from "node:net";

/** ExtendedRequest 1.3.6.1.4.1.1466.20037 with message id 1 (RFC 4511 4.14). */
const oid = "1.3.6.1.4.1.1466.20037";
const request = Buffer.concat([Buffer.from([0x30, 0x1d, 0x02, 0x01, 0x01, 0x77, 0x18, 0x80, 0x16]), Buffer.from(oid)]);
const longestAnswerBytes = 4_096;

/**
 * Asks the server to begin TLS on this connection; resolves when the handshake may begin, throws with the reason when it may not.
 *
 * Done here and not by ldapts, because the answer must be the only thing that was received: bytes that an attacker puts
 * behind it in the clear would otherwise be read as if they had come through TLS, and a forged bind response among
 * them would let anyone in (the response injection of "NO STARTTLS", 2021).
 */
export function askForTls(socket: Socket): Promise<void> {
  return new Promise((resolve, reject) => {
    let received: Buffer = Buffer.alloc(0);
    const done = (error: Error | null) => {
      socket.off("data", onData);
      socket.off("close", onClose);
      socket.off("error", onError);
      socket.pause();
      if (error === null) resolve();
      else reject(error);
    };
    const onData = (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      if (received.length > longestAnswerBytes) return done(new Error("the answer to StartTLS is too long"));
      const length = messageLength(received);
      if (length === null || received.length < length) return;
      if (received.length > length) return done(new Error("the server sent more than the answer to StartTLS before TLS began"));
      done(readAnswer(received));
    };
    const onClose = () => done(new Error("the server closed the connection when asked for StartTLS"));
    const onError = (error: Error) => done(error);
    socket.on("data", onData);
    socket.once("close", onClose);
    socket.once("error", onError);
    socket.write(request);
  });
}

/** The bytes of the whole message with its head; null while the head is incomplete. */
function messageLength(bytes: Buffer): number | null {
  const first = bytes[1];
  if (first === undefined) return null;
  if (first < 0x80) return 2 + first;
  const octets = first & 0x7f;
  if (octets === 0 || octets > 4) return longestAnswerBytes + 1;
  return bytes.length < 2 + octets ? null : 2 + octets + bytes.readUIntBE(2, octets);
}

/** Null when the message is ExtendedResponse, message id 1, success; else what it is. */
function readAnswer(message: Buffer): Error | null {
  const headBytes = 2 + ((message[1] ?? 0) < 0x80 ? 0 : (message[1] ?? 0) & 0x7f);
  const body = message.subarray(headBytes);
  const isResponse = message[0] === 0x30 && body.subarray(0, 3).equals(Buffer.from([0x02, 0x01, 0x01])) && body[3] === 0x78;
  if (!isResponse) return new Error("the server's answer to StartTLS is not one");
  const content = body.subarray(5 + ((body[4] ?? 0) < 0x80 ? 0 : (body[4] ?? 0) & 0x7f));
  const code = content[0] === 0x0a && content[1] === 0x01 ? content[2] : undefined;
  return code === 0 ? null : new Error(`the server refuses StartTLS (result ${code ?? "unreadable"})`);
}
