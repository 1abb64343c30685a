import { rmSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";

// `npm run build`: src/*.ts to dist/*.js, for the image and for `vestibule` as an installed program. Types are checked
// on the way; nothing is emitted when they are wrong.

const root = new URL("../..", import.meta.url).pathname;
const host: ts.FormatDiagnosticsHost = { getCurrentDirectory: () => root, getCanonicalFileName: (name) => name, getNewLine: () => "\n" };

process.exitCode = build();

function build(): number {
  const changes: ts.CompilerOptions = {
    noEmit: false,
    noEmitOnError: true,
    declaration: false,
    sourceMap: false,
    removeComments: false,
    rootDir: join(root, "src"),
    outDir: join(root, "dist"),
  };
  const config = ts.getParsedCommandLineOfConfigFile(join(root, "tsconfig.json"), changes, {
    ...ts.sys,
    onUnRecoverableConfigFileDiagnostic: (problem) => void report([problem]),
  });
  if (config === undefined) return 1;
  const files = config.fileNames.filter((name) => name.startsWith(join(root, "src/")));
  rmSync(join(root, "dist"), { recursive: true, force: true });
  const program = ts.createProgram(files, config.options);
  const problems = [...config.errors, ...ts.getPreEmitDiagnostics(program), ...program.emit().diagnostics];
  if (problems.length > 0) return report(problems);
  process.stdout.write(`${files.length} files built into dist/\n`);
  return 0;
}

function report(problems: readonly ts.Diagnostic[]): 1 {
  process.stderr.write(ts.formatDiagnosticsWithColorAndContext(ts.sortAndDeduplicateDiagnostics(problems), host));
  return 1;
}
