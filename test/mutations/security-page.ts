import { notPromised } from "./ledger/not-promised.ts";
import type { Chapter } from "./promise.ts";

/** docs/security.md, made from the ledger; `breakages` is how many deliberate breakages the runner knows. */
export function securityPage(chapters: readonly Chapter[], breakages: number): string {
  const promises = chapters.flatMap((chapter) => chapter.promises);
  const head = `# What is promised, and which test would notice

${promises.length} promises, each with its tests; each test was seen red with its promise broken. \`npm run test:mutations\` breaks the code of the
core promises again (${breakages} breakages: policy, framing, cookies, signatures, redirects, sealing), in a copy, and waits for the named test
to turn red; words after \`--\` choose (\`npm run test:mutations -- policy\`). This page is made by \`npm run test:mutations -- --docs\`.
`;
  const limits = notPromised.map((paragraph) => `\n- ${paragraph.replaceAll("\n", "\n  ")}\n`).join("");
  return `${head}${chapters.map(chapterText).join("")}\n## What is not promised\n${limits}`;
}

function chapterText({ title, promises }: Chapter): string {
  const rows = promises.map(({ promise, tests }) => {
    const named = Object.entries(tests).flatMap(([file, names]) => names.map((name) => `\`${file}\`: ${escaped(name)}`));
    return `| ${escaped(promise)} | ${named.join("<br>")} |`;
  });
  return `\n## ${title}\n\n| promise | noticed by |\n| --- | --- |\n${rows.join("\n")}\n`;
}

const escaped = (text: string) => text.replaceAll("|", "\\|");
