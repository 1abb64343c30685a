import { html, raw } from "hono/html";
import type { BrandingSettings } from "../core/branding.ts";
import { iconIn, inOneDirection, type Markup, mark } from "./layout.ts";
import type { ConsoleTexts } from "./texts/console-english.ts";
import { fill } from "./texts/texts.ts";

/** One page of the console before it is laid out. */
export interface ConsoleParts {
  readonly title: string;
  readonly lead: Markup | string | null;
  readonly body: Markup;
  /** Without scripts the page reloads after so many seconds; with one it is kept current by this event stream. */
  readonly live?: { readonly seconds: number; readonly stream: string };
}

/** What all pages have in common; `places` is null where no operator is signed in. */
export interface ConsoleFrame {
  readonly tag: string;
  readonly texts: ConsoleTexts;
  readonly style: string;
  readonly branding: BrandingSettings;
  readonly places: readonly { readonly url: string; readonly name: string; readonly isHere: boolean }[] | null;
  readonly who: {
    readonly name: string;
    readonly mayAct: boolean /** Signed in with the token: can sign out here. */;
    readonly byToken: boolean;
  } | null;
}

/**
 * Puts what the stream sends into the place that is live. Not while the keyboard is in there: the place that it has would be lost. A stream
 * that breaks off twice is said to be lost; one that is refused, as the operator is signed out by now, loads the page again. Constant, so
 * that the CSP names its hash.
 */
export const liveScript = `const l=document.getElementById("live"),b=document.getElementById("pause");
if(l&&b){let on=true,was=false,lost=0;const p=document.getElementById("lost"),s=new EventSource(l.dataset.stream);
s.onmessage=(e)=>{if(on&&!l.contains(document.activeElement))l.innerHTML=JSON.parse(e.data)};
const say=()=>{p.hidden=lost<2;l.classList.toggle("stale",lost>1)};
s.onopen=()=>{was=true;lost=0;say()};s.onerror=()=>{lost+=1;say();if(was&&s.readyState===2)location.reload()};
b.hidden=false;b.addEventListener("click",()=>{on=!on;b.textContent=on?b.dataset.pause:b.dataset.resume;b.setAttribute("aria-pressed",String(!on))})}`;

/** A whole page as HTML. Everything that is not markup of ours is escaped by `html`. */
export function layOutConsole(frame: ConsoleFrame, { title, lead, body, live }: ConsoleParts): string {
  const { texts, branding, places, who } = frame;
  const windowTitle = [title, texts.title, branding.name].filter((part) => part !== null).join(" · ");
  const content =
    live === undefined
      ? body
      : html`<p class="problem" id="lost" role="status" hidden>${texts["now.lost"]}</p><div id="live" data-stream="${live.stream}">${body}</div>`;
  const pause =
    live === undefined
      ? null
      : html`<button class="button plain small" id="pause" type="button" aria-pressed="false" data-pause="${texts["now.pause"]}" data-resume="${texts["now.resume"]}" hidden>${texts["now.pause"]}</button>`;
  const page = html`<!doctype html>
<html lang="${frame.tag}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex, nofollow">
${live === undefined ? null : html`<noscript><meta http-equiv="refresh" content="${live.seconds}"></noscript>`}
<title>${windowTitle}</title>
<link rel="icon" href="${iconIn(branding.accent ?? "#0b5c55")}">
<style>${raw(frame.style)}</style>
</head>
<body class="desk">
<a class="skip" href="#title">${texts["nav.skip"]}</a>
<header class="bar"><div class="brand">${mark}<span>${branding.name === null ? texts.title : `${branding.name} · ${texts.title}`}</span></div>
${places === null ? null : html`<nav aria-label="${texts["nav.label"]}"><ul>${places.map(({ url, name, isHere }) => html`<li><a href="${url}"${isHere ? html` aria-current="page"` : null}>${name}</a></li>`)}</ul></nav>`}</header>
<main aria-labelledby="title">
<div class="titled"><h1 id="title" tabindex="-1">${title}</h1>${pause}</div>
${lead === null ? null : html`<p class="lead">${lead}</p>`}
<div class="body">${content}</div>
</main>
<footer><p>${texts["foot.times"]}</p>${
    who === null
      ? null
      : html`<p>${fill(texts["foot.signedIn"], { who: who.name })}${who.mayAct ? null : html` · ${texts["foot.readOnly"]}`}</p>${
          who.byToken
            ? html`<form method="post" action="/console/sign-out"><button class="link" type="submit">${texts["foot.signOut"]}</button></form>`
            : null
        }`
  }</footer>
${live === undefined ? null : html`<script>${raw(liveScript)}</script>`}
</body>
</html>
`;
  return inOneDirection(page.toString());
}
