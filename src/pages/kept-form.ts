import { html } from "hono/html";
import type { KeptField, PageModel } from "../core/ports/pages.ts";
import { buttonLink, type Markup, type PageParts, pageUrl } from "./layout.ts";
import { fill, type Texts } from "./texts/texts.ts";

/** Puts kept files back into their fields: only a script may fill a file field. Constant, so that the CSP names its hash. */
export const keptFilesScript = `
for (const input of document.querySelectorAll("input[data-content]")) {
  const bytes = Uint8Array.from(atob(input.dataset.content), (letter) => letter.charCodeAt(0));
  const files = new DataTransfer();
  files.items.add(new File([bytes], input.dataset.name, { type: input.dataset.type }));
  input.files = files.files;
}
`;

/** What was kept, where it goes, and a button that sends it: by a click, never by itself, since it may buy or delete something. */
export function keptFormPage(model: PageModel & { readonly page: "kept-form" }, texts: Texts): PageParts {
  const [files, values] = [model.fields.filter(isFile), model.fields.filter((field) => !isFile(field))];
  const [path = "/"] = model.action.replace(/^https?:\/\/[^/]+/, "").split("?", 1);
  return {
    title: texts["keptForm.title"],
    windowTitle: `${texts["keptForm.title"]} · ${model.app}`,
    lead: fill(texts["keptForm.lead"], { app: model.app }),
    body: html`<dl class="who"><dt>${texts["keptForm.goesTo"]}</dt><dd class="name">${model.host}${path}</dd>
<dd class="more">${fill(texts["keptForm.holds"], { fields: String(values.length), files: String(files.length) })}</dd></dl>
<form method="post" action="${pageUrl(model.action)}"${model.multipart ? html` enctype="multipart/form-data"` : null} accept-charset="utf-8">${model.fields.map(keptField)}
<button class="button primary" type="submit">${texts["keptForm.submit"]}</button></form>
${files.length === 0 ? null : html`<noscript><p class="problem">${texts["keptForm.filesNeedScript"]}</p></noscript>`}
${buttonLink("/", texts["keptForm.discard"], "plain")}`,
    ...(files.length === 0 ? {} : { script: keptFilesScript }),
  };
}

type KeptFile = Extract<KeptField, { readonly file: object }>;

const isFile = (field: KeptField): field is KeptFile => "file" in field;

function keptField(field: KeptField): Markup {
  if (!isFile(field)) return html`<input type="hidden" name="${field.name}" value="${field.value}">`;
  const { name, type, content } = field.file;
  return html`<input type="file" class="hidden" tabindex="-1" aria-hidden="true" name="${field.name}" data-name="${name}" data-type="${type}" data-content="${content}">`;
}
