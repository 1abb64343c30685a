/** Gathers the small pieces of an answer, so that what is held for a slow reader is bytes and not pieces. */
export interface Gather {
  /** False when the reader is behind, as `write` said. */
  add(chunk: Buffer): boolean;
  /** What has not been written yet; nothing after it is gathered. */
  take(): Buffer | null;
}

/** Pieces of this size go on as they are. */
const largeBytes = 4 * 1024;
const gatheredBytes = 16 * 1024;

/**
 * A piece costs a view into the block that it came in, two lines of framing and several objects, however small it is: an answer in
 * chunks of one byte would hold some 20 MiB for a client that does not read, where 64 KiB were meant. So pieces that come in one turn
 * are written together, and while a write has not left, those that follow are gathered into one.
 */
export function createGather(write: (bytes: Buffer, written?: () => void) => boolean): Gather {
  let block: Buffer | null = null;
  let used = 0;
  let scheduled = false;
  let underWay = false;

  const take = () => {
    const taken = block === null ? null : block.subarray(0, used);
    block = null;
    used = 0;
    return taken;
  };
  const flush = (): boolean => {
    const bytes = take();
    if (bytes === null) return true;
    underWay = true;
    return write(bytes, onWritten);
  };
  const onWritten = () => {
    underWay = false;
    flush();
  };
  const onTurnOver = () => {
    scheduled = false;
    if (!underWay) flush();
  };
  return {
    add(chunk) {
      let flowing = true;
      if (block !== null && used + chunk.length > gatheredBytes) flowing = flush();
      if (chunk.length >= largeBytes) {
        flush();
        return write(chunk);
      }
      block = roomFor(block, used, chunk.length);
      used += chunk.copy(block, used);
      if (!scheduled) {
        scheduled = true;
        process.nextTick(onTurnOver);
      }
      return flowing;
    },
    take,
  };
}

/** Grows in two steps: a single event of a stream does not take a whole block. */
function roomFor(block: Buffer | null, used: number, bytes: number): Buffer {
  if (block === null) return Buffer.allocUnsafe(bytes);
  if (used + bytes <= block.length) return block;
  const larger = Buffer.allocUnsafeSlow(gatheredBytes);
  block.copy(larger, 0, 0, used);
  return larger;
}
