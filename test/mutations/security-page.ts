import type { Chapter } from "./mutation.ts";

/** docs/security.md, made from the ledger. */
export function securityPage(chapters: readonly Chapter[]): string {
  const promises = chapters.flatMap((chapter) => chapter.promises);
  const breakages = promises.flatMap(({ mutations }) => mutations).length;
  const head = `# What is promised, and which test would notice

${promises.length} promises. For each, the code was broken on purpose (${breakages} breakages, \`test/mutations/ledger/\`) and the test named
beside it turned red. \`npm run test:mutations\` does it again, in a copy; words after \`--\` choose (\`npm run test:mutations -- oidc nonce\`).
This page is made from the ledger by \`npm run test:mutations -- --docs\`.
`;
  return `${head}${chapters.map(chapterText).join("")}`;
}

function chapterText({ title, promises }: Chapter): string {
  const rows = promises.map(({ promise, mutations }) => {
    const where = [...new Set(mutations.map(({ file }) => `\`${file}\``))].join("<br>");
    const tests = [...new Set(mutations.map(({ test, named }) => `\`${test}\`: ${named}`))].map((text) => text.replaceAll("|", "\\|"));
    return `| ${promise.replaceAll("|", "\\|")} | ${where} | ${tests.join("<br>")} |`;
  });
  return `\n## ${title}\n\n| promise | kept in | noticed by |\n| --- | --- | --- |\n${rows.join("\n")}\n`;
}
