/** Crockford's base 32: no letter that could be taken for a digit when somebody reads it out. */
const digits = "0123456789abcdefghjkmnpqrstvwxyz";
const idBytes = 16;
const batchBytes = 256 * idBytes;

/**
 * Makes request ids of 80 random bits, written as `7m2k-q9w3-xr04-dzte`, short enough for the telephone. Random bytes are
 * drawn in batches: an id costs a request next to nothing.
 */
export function createRequestIds(random: (bytes: number) => Uint8Array): () => string {
  let batch: Uint8Array = new Uint8Array(0);
  let next = 0;
  return () => {
    if (next + idBytes > batch.length) {
      batch = random(batchBytes);
      next = 0;
    }
    let id = "";
    for (let index = 0; index < idBytes; index += 1) {
      if (index > 0 && index % 4 === 0) id += "-";
      id += digits.charAt((batch[next + index] ?? 0) & 31);
    }
    next += idBytes;
    return id;
  };
}
