import { type BrandingSettings, pageGrounds } from "../core/branding.ts";
import { enoughContrast, formatColour, mix, parseColour, shadeWithContrast } from "../lib/contrast.ts";

/**
 * The look of every page: a doorway on a calm wall. System fonts, one accent colour, light and dark, no image to fetch.
 * One text per configuration, so that the CSP can name it by its hash and allow no other style.
 */
const style = `
:root{color-scheme:light dark;
--wall:#ece7de;--wall-deep:#e0d9cc;--door:${pageGrounds.light};--edge:#d8d0c1;--ink:#22201c;--soft:#5f594f;
--accent:#0b5c55;--accent-ink:#ffffff;--accent-hover:#084640;--field:#ffffff;--field-edge:#8a8275;
--warn:#8f2d14;--warn-wash:#fbeee8;--wash:#f5f1e9;--glow:#f4c97b;--shadow:0 1px 2px rgb(60 50 30/.06),0 18px 48px -12px rgb(60 50 30/.22)}
@media (prefers-color-scheme:dark){:root{
--wall:#131617;--wall-deep:#0d0f10;--door:${pageGrounds.dark};--edge:#31373a;--ink:#f0ece4;--soft:#aba59a;
--accent:#7fd1c4;--accent-ink:#0a2522;--accent-hover:#a3e2d7;--field:#14181a;--field-edge:#798186;
--warn:#ffb59c;--warn-wash:#3a211a;--wash:#262b2d;--glow:#e9b35a;--shadow:0 1px 2px rgb(0 0 0/.4),0 18px 48px -12px rgb(0 0 0/.6)}}
*{box-sizing:border-box}
html{font:100%/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue","Noto Sans","Liberation Sans",Arial,sans-serif;
-webkit-text-size-adjust:100%;text-size-adjust:100%}
body{margin:0;min-height:100vh;min-height:100dvh;display:flex;flex-direction:column;align-items:center;justify-content:center;
padding:2rem 1rem;color:var(--ink);background:radial-gradient(ellipse 60rem 40rem at 50% 30%,var(--wall),var(--wall-deep)) var(--wall-deep)}
main{width:100%;max-width:27rem;padding:2.5rem 2.25rem 2.25rem;background:var(--door);border:1px solid var(--edge);
border-radius:50% 50% 1rem 1rem/8.5rem 8.5rem 1rem 1rem;box-shadow:var(--shadow);overflow-wrap:anywhere}
.mark{display:block;width:3.5rem;height:3.5rem;margin:0 auto 1.25rem;color:var(--accent)}
.logo{display:block;max-width:min(100%,13rem);max-height:4.5rem;margin:0 auto 1.25rem}
.light,.spill{fill:var(--glow)}
.spill{opacity:.38}
.leaf{fill:currentColor}
.knob{fill:var(--door)}
h1{margin:0;font-size:1.5rem;line-height:1.25;font-weight:650;letter-spacing:-.012em;text-align:center;text-wrap:balance}
.lead{margin:.65rem 0 0;color:var(--soft);text-align:center;text-wrap:pretty}
.body{margin-top:1.75rem}
.body>*{margin:0}
.body>*+*{margin-top:1rem}
label{display:block;font-weight:600;font-size:.9375rem}
label.next{margin-top:1rem}
input.text,select.text,textarea.text{display:block;width:100%;margin-top:.4rem;padding:.7rem .85rem;font:inherit;color:inherit;background:var(--field);
border:1px solid var(--field-edge);border-radius:.6rem}
input.text[aria-invalid=true]{border-color:var(--warn);border-width:2px;padding:calc(.7rem - 1px) calc(.85rem - 1px)}
.problem{padding:.75rem .9rem;color:var(--warn);background:var(--warn-wash);border-radius:.6rem;font-size:.9375rem}
.button{display:block;width:100%;padding:.72rem 1rem;font:inherit;font-weight:600;line-height:1.4;text-align:center;text-decoration:none;
border:1px solid transparent;border-radius:.6rem;cursor:pointer;transition:background-color .12s,border-color .12s}
.primary{color:var(--accent-ink);background:var(--accent)}
.primary:hover{background:var(--accent-hover)}
.plain{color:var(--ink);background:transparent;border-color:var(--field-edge)}
.plain:hover{background:var(--wash);border-color:var(--accent)}
form .button{margin-top:1rem}
:focus-visible{outline:3px solid var(--accent);outline-offset:2px}
.or{display:flex;align-items:center;gap:.9rem;color:var(--soft);font-size:.875rem}
.or::before,.or::after{content:"";flex:1;height:1px;background:var(--edge)}
ul{margin:0}
ul.choices{list-style:none;padding:0}
ul.choices li+li{margin-top:.65rem}
ul.causes{padding-left:1.2rem}
ul.causes li+li{margin-top:.6rem}
ul.causes li::marker{color:var(--accent)}
.who{padding:.9rem 1.05rem;background:var(--wash);border-radius:.6rem;text-align:left}
.who dd+dt{margin-top:.5rem}
.who dt{color:var(--soft);font-size:.8125rem}
.who dd{margin:0}
.who .name{font-weight:600}
.who .more{color:var(--soft);font-size:.9375rem}
.reason{text-align:center;text-wrap:pretty}
.fine{color:var(--soft);font-size:.875rem;text-align:center;text-wrap:pretty}
.number{color:var(--soft);font-size:.8125rem;text-align:center}
.fine+.number{margin-top:.35rem}
.number code{font:.8125rem/1.4 ui-monospace,"SF Mono",Menlo,Consolas,"Liberation Mono",monospace;color:var(--ink);user-select:all}
a{color:var(--accent)}
main.wide{max-width:60rem;border-radius:1rem}
.wide h2{margin:0 0 .6rem;font-size:1.0625rem;font-weight:650}
.group+.group{margin-top:1.5rem}
.tiles{display:grid;grid-template-columns:repeat(auto-fill,minmax(15rem,1fr));gap:.75rem;list-style:none;padding:0}
.tile a{display:flex;gap:.9rem;align-items:center;height:100%;padding:.9rem 1rem;color:inherit;text-decoration:none;border:1px solid var(--edge);border-radius:.75rem}
.tile a:hover{border-color:var(--accent);background:var(--wash)}
.icon,.initial{flex:none;width:2.75rem;height:2.75rem;border-radius:.6rem;object-fit:contain}
.initial{display:grid;place-items:center;font-size:1.25rem;font-weight:650;color:var(--accent-ink);background:var(--accent)}
.about{min-width:0}
.about>span{display:block}
.tile .name{font-weight:600}
.tile .more{color:var(--soft);font-size:.875rem;line-height:1.4}
.about>.clamp,.clamp{display:-webkit-box;-webkit-line-clamp:4;-webkit-box-orient:vertical;overflow:hidden}
.fields{display:grid;grid-template-columns:repeat(auto-fit,minmax(11rem,1fr));gap:.75rem;align-items:end}
.fields .button{margin:0}
.row{display:flex;flex-wrap:wrap;gap:.75rem;justify-content:center;padding-top:.5rem}
.row .button{width:auto;min-width:11rem;margin:0}
pre{overflow:auto;max-height:36rem;padding:1rem;background:var(--wash);border-radius:.6rem;font:.8125rem/1.5 ui-monospace,Menlo,Consolas,monospace;text-align:left}
.told{padding:.75rem .9rem;background:var(--wash);border-radius:.6rem;text-align:center}
.told:focus{outline:0}
.entries{list-style:none;padding:0;display:grid;gap:.75rem}
.entry{display:grid;grid-template-columns:1fr auto;gap:.5rem 1.5rem;align-items:start;padding:1rem 1.1rem;border:1px solid var(--edge);border-radius:.75rem}
.entry h2,.entry h3,.entry dl{grid-column:1;margin:0}.entry h3{font-size:1rem}.told pre{margin:.6rem 0;white-space:pre-wrap;overflow-wrap:anywhere;text-align:center;font-size:.9375rem}
.entry form{grid-column:2;grid-row:1/span 2}
.entry .button{width:auto;margin:0}
.entry dl{display:grid;grid-template-columns:repeat(auto-fill,minmax(12rem,1fr));gap:.4rem 1.25rem}
.entry dt{color:var(--soft);font-size:.8125rem}
.entry dd{margin:0;font-size:.9375rem}
dl>.full{grid-column:1/-1}
.long{max-height:8rem;overflow-y:auto}
.badge{display:inline-block;padding:.05rem .55rem;font-size:.8125rem;font-weight:600;color:var(--accent-ink);background:var(--accent);border-radius:1rem}
[hidden]{display:none!important}
@media (max-width:34rem){.entry{grid-template-columns:1fr}.entry form{grid-column:1;grid-row:auto}.entry .button,.row .button{width:100%}.row form{width:100%}}
footer{margin-top:1.25rem;font-size:.875rem}
footer ul{display:flex;flex-wrap:wrap;justify-content:center;gap:.35rem 1.25rem;list-style:none;padding:0}
footer a{color:var(--soft)}
.hidden{position:absolute;width:1px;height:1px;margin:-1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
@media (max-width:24rem){body{padding:1rem .75rem}main{padding:2rem 1.25rem 1.5rem;border-radius:50% 50% 1rem 1rem/6rem 6rem 1rem 1rem}
h1{font-size:1.375rem}}
@media (max-height:38rem){body{justify-content:flex-start}}
@media (max-height:30rem){body{padding:.75rem}main{max-width:40rem;padding:1rem 1.5rem;border-radius:1rem}
.mark,.logo{float:inline-start;width:auto;height:2.25rem;margin:0 .75rem 0 0}h1{font-size:1.25rem;text-align:start}
.lead,.reason,.fine,.number{text-align:start}.lead{margin-top:.2rem}.body{clear:both;margin-top:.75rem}.body>*+*{margin-top:.6rem}
.button{padding:.5rem 1rem}input.text{padding:.5rem .85rem}form .button{margin-top:.6rem}.who{padding:.6rem .9rem}}
@media (prefers-reduced-motion:reduce){*{transition:none!important}}
@media (forced-colors:active){.button,main,.problem,.who{border:1px solid}}
@media print{body{background:none}main{box-shadow:none;border:0}}
`;

/** The style of one configuration's pages: the product's, the operators' colour, the operators' own lines. */
export function styleOf({ accent, css }: Pick<BrandingSettings, "accent" | "css">): string {
  return `${style}${accent === null ? "" : accentStyle(accent)}${css === null ? "" : `${css}\n`}`;
}

/** The accent is checked for the light ground at load; for the dark one it is lightened as far as that needs. */
function accentStyle(text: string): string {
  const light = parseColour(text);
  const ground = parseColour(pageGrounds.dark);
  if (light === null || ground === null) return "";
  const dark = shadeWithContrast(light, [ground], enoughContrast);
  const ink = shadeWithContrast(mix(dark, [0, 0, 0], 0.6), [dark], enoughContrast);
  const lines = (accent: string, inkOn: string, hover: string) => `--accent:${accent};--accent-ink:${inkOn};--accent-hover:${hover}`;
  const hoverLight = formatColour(mix(light, [0, 0, 0], 0.2));
  const hoverDark = formatColour(mix(dark, [255, 255, 255], 0.25));
  return `:root{${lines(formatColour(light), "#ffffff", hoverLight)}}
@media (prefers-color-scheme:dark){:root{${lines(formatColour(dark), formatColour(ink), hoverDark)}}}
`;
}
