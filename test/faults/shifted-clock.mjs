// Preloaded into a gateway: its wall clock is off by what the file CLOCK_OFFSET_FILE says, in milliseconds, read every 50 ms.
import { readFileSync } from "node:fs";

const real = Date.now.bind(Date);
let offset = 0;
const read = () => {
  try {
    offset = Number(readFileSync(process.env.CLOCK_OFFSET_FILE ?? "", "utf8")) || 0;
  } catch {
    offset = 0;
  }
};
read();
setInterval(read, 50).unref();
Date.now = () => real() + offset;
