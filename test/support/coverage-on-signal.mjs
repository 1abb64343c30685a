// Preloaded into a gateway process with NODE_V8_COVERAGE set: at SIGUSR2 it writes which functions ran since the last signal.
import { takeCoverage } from "node:v8";

process.on("SIGUSR2", () => takeCoverage());
