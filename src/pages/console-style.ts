import type { BrandingSettings } from "../core/branding.ts";
import { styleOf } from "./style.ts";

/** The console's own part of the style: a desk instead of a doorway. Colours, buttons and fields are those of the visitors' pages. */
const style = `
:root{--good:#1d6b3f;--good-wash:#e4f2e8;--bad:var(--warn);--bad-wash:var(--warn-wash);--line:var(--accent)}
@media (prefers-color-scheme:dark){:root{--good:#8fd6a8;--good-wash:#1b3325}}
body.desk{display:block;padding:0;background:var(--wall)}
.desk .bar{display:flex;flex-wrap:wrap;align-items:center;gap:.25rem 1.5rem;padding:.75rem 1.5rem;background:var(--door);border-bottom:1px solid var(--edge)}
.desk .bar .brand{display:flex;align-items:center;gap:.6rem;font-weight:650}
.desk .bar .mark{width:1.75rem;height:1.75rem;margin:0}
.desk .bar nav{flex:1 1 auto;min-width:0}
.desk .bar ul{display:flex;gap:.15rem;padding:0;list-style:none;overflow-x:auto;scrollbar-width:thin}
.desk .bar a{display:block;padding:.45rem .75rem;color:var(--soft);text-decoration:none;white-space:nowrap;border-radius:.5rem;font-size:.9375rem}
.desk .bar a:hover{color:var(--ink);background:var(--wash)}
.desk .bar a[aria-current]{color:var(--accent);font-weight:650;box-shadow:inset 0 -2px 0 var(--accent);border-radius:.5rem .5rem 0 0}
.skip{position:absolute;left:-99rem}
.skip:focus{left:1rem;top:.5rem;padding:.5rem 1rem;background:var(--door);border-radius:.5rem;z-index:1}
.desk main{max-width:84rem;margin:0 auto;padding:1.75rem 1.5rem 2.5rem;background:none;border:0;border-radius:0;box-shadow:none}
.desk h1{text-align:start;font-size:1.625rem}
.desk .lead{text-align:start;margin-top:.3rem}
.desk .reason{text-align:start;color:var(--soft);margin:0}
.desk .body{margin-top:1.5rem}
#live.stale{opacity:.55}
.desk #lost[hidden]+#live{margin-top:0}
.desk .body>*+*,#live>*+*{margin-top:1.5rem}
.desk h2{margin:0 0 .75rem;font-size:1.0625rem;font-weight:650}
.desk h3{margin:0 0 .3rem;font-size:.9375rem;font-weight:650}
.desk .told{text-align:start}
.card{padding:1.1rem 1.25rem;background:var(--door);border:1px solid var(--edge);border-radius:.75rem}
.card>*{margin-block:0}
.card>*+*{margin-top:.75rem}
.card>h2{margin:0}
.cards{display:grid;align-items:start;grid-template-columns:repeat(auto-fill,minmax(22rem,1fr));gap:1rem;padding:0;list-style:none}
.halves{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,26rem),1fr));gap:1rem;align-items:start}
.figures{display:grid;grid-template-columns:repeat(auto-fill,minmax(11rem,1fr));gap:1rem;padding:0;list-style:none}
.figure{display:flex;flex-direction:column;padding:1rem 1.15rem .9rem;background:var(--door);border:1px solid var(--edge);border-radius:.75rem}
.figure .label{color:var(--soft);font-size:.875rem}
.figure .value{font-size:1.875rem;font-weight:650;line-height:1.25;letter-spacing:-.02em;font-variant-numeric:tabular-nums}
.figure .value small{font-size:.95rem;font-weight:600;letter-spacing:0}
.figure .beside{color:var(--soft);font-size:.8125rem}
.figure svg{display:block;width:100%;height:2.5rem;margin-top:auto;padding-top:.4rem;overflow:visible}
.figure .area{fill:var(--line);opacity:.13}
.figure .stroke{fill:none;stroke:var(--line);stroke-width:1.75;vector-effect:non-scaling-stroke;stroke-linejoin:round}
.figure .base{stroke:var(--edge);stroke-width:1;vector-effect:non-scaling-stroke}
.figure.alarm{--line:var(--bad)}
.figure.alarm .value{color:var(--bad)}
.scroll{overflow-x:auto;background:var(--door);border:1px solid var(--edge);border-radius:.75rem}
table{width:100%;border-collapse:collapse;font-size:.9375rem}
caption{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
th{padding:.6rem .9rem;color:var(--soft);font-size:.8125rem;font-weight:600;text-align:start;white-space:nowrap;border-bottom:1px solid var(--edge)}
td{padding:.65rem .9rem;vertical-align:top;overflow-wrap:anywhere}
tbody tr+tr td,tbody tr+tr th{border-top:1px solid var(--edge)}
tbody tr:hover{background:var(--wash)}
tbody th{color:var(--ink);font-size:.9375rem;white-space:normal;vertical-align:top;border-bottom:0}
td.act{text-align:end;white-space:nowrap}
td.number,th.number{text-align:end;font-variant-numeric:tabular-nums}
td.number{color:inherit;font-size:inherit}
.more{display:block;color:var(--soft);font-size:.8125rem;font-weight:400}
time{white-space:nowrap;font-variant-numeric:tabular-nums}
.state{display:inline-block;padding:.05rem .6rem;font-size:.8125rem;font-weight:600;border-radius:1rem;white-space:nowrap}
.state::before{content:"";display:inline-block;width:.5em;height:.5em;margin-inline-end:.45em;border-radius:50%;background:currentColor}
.state.good{color:var(--good);background:var(--good-wash)}
.state.bad{color:var(--bad);background:var(--bad-wash)}
.state.plainly{color:var(--soft);background:var(--wash)}
.titled{display:flex;flex-wrap:wrap;justify-content:space-between;align-items:baseline;gap:.35rem 1rem}
.titled h2,.titled h1{margin:0}
.facts{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,12.5rem),1fr));gap:.7rem 1.5rem}
:where(dl.facts){margin:0}
.facts dt{color:var(--soft);font-size:.8125rem}
.facts dd{margin:0;overflow-wrap:anywhere}
.facts .wide,.facts>div:has(>dd>ul){grid-column:1/-1}
.facts dd>ul{margin:0;padding-inline-start:1.1rem}
.desk .fields{padding:1rem 1.15rem 1.15rem;background:var(--door);border:1px solid var(--edge);border-radius:.75rem;grid-template-columns:repeat(auto-fill,minmax(10.5rem,1fr))}
.desk .fields .whole{grid-column:1/-1}
.desk label{font-size:.8125rem;color:var(--soft)}
.desk input.text,.desk select.text,.desk textarea.text{padding:.5rem .7rem;margin-top:.25rem;font-size:.9375rem}
.desk textarea.text{display:block;min-height:4rem;resize:vertical;font-family:inherit;line-height:1.45}
.check{display:flex;align-items:center;gap:.5rem}.desk .check label{color:inherit;font-size:.9375rem;font-weight:400;margin:0}
.desk .button{display:inline-block;width:auto;padding:.5rem 1rem;font-size:.9375rem;margin:0}
.desk .small{padding:.28rem .75rem;font-size:.875rem}
.lines{display:grid;gap:.3rem}
.desk .row{justify-content:flex-start;padding:0;gap:.6rem}
.desk .row .button{min-width:0}
.danger{color:var(--bad);background:transparent;border-color:var(--bad)}
.danger:hover{background:var(--bad-wash)}
.log{margin:0;padding:0;list-style:none}
.log>li{padding:.6rem 0}
.log .titled{flex-wrap:nowrap}
.log time{flex:none;color:var(--soft);font-size:.875rem}
.log>li+li{border-top:1px solid var(--edge)}
.log pre,.card pre{max-height:16rem;margin:.5rem 0 0;padding:.75rem .9rem;white-space:pre-wrap}
details summary{cursor:pointer;color:var(--soft);font-size:.8125rem}
.rules{margin:0;padding:0;list-style:none}
.rules li{display:grid;grid-template-columns:5rem 8.5rem 1fr;gap:.15rem .9rem;padding:.5rem 0}
.rules li+li{border-top:1px solid var(--edge)}
.rules .origin:nth-child(2){grid-column:2/-1}
.rules .why{grid-column:3;color:var(--soft);font-size:.875rem}
.rules .hit{font-weight:650}
.quiet{color:var(--soft)}
.file{padding:.9rem 0;overflow-x:auto;background:var(--door);border:1px solid var(--edge);border-radius:.75rem;font:.8125rem/1.6 ui-monospace,"SF Mono",Menlo,Consolas,"Liberation Mono",monospace}
.file table{font-size:inherit}
.file tr td{padding:0 1.1rem;border:0}
.file td:first-child{white-space:pre-wrap}
.file td+td{width:1%;color:var(--soft);white-space:nowrap;text-align:end}
.desk footer{display:flex;flex-wrap:wrap;gap:.4rem 1.5rem;align-items:center;max-width:84rem;margin:0 auto;padding:0 1.5rem 2rem;color:var(--soft);font-size:.8125rem}
.desk footer p,.desk footer form{margin:0}
.desk footer ul{justify-content:flex-start}
.link{padding:0;font:inherit;color:var(--accent);background:none;border:0;text-decoration:underline;cursor:pointer}
@media (max-width:44rem){
.desk .bar{padding:.6rem 1rem .2rem}.desk .bar nav{flex-basis:100%}.desk .bar nav ul{flex-wrap:wrap;gap:0}.desk .bar nav a{padding:.35rem .55rem}.desk main{padding:1.25rem 1rem 2rem}.desk footer{padding:0 1rem 1.5rem}
.cards{grid-template-columns:1fr}.desk .fields{grid-template-columns:repeat(auto-fill,minmax(8.25rem,1fr));padding:.85rem}.figures{grid-template-columns:repeat(auto-fill,minmax(9.25rem,1fr));gap:.6rem}.figure{padding:.75rem .85rem}.figure .value{font-size:1.5rem}
table.stack,.stack tbody,.stack tr,.stack td,.stack tbody th{display:block}
.stack thead{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
.stack tr{display:flex;flex-direction:column;padding:.7rem 1rem}.stack tbody th{order:-1}.stack tbody tr+tr{border-top:1px solid var(--edge)}
.stack tbody tr td,.stack tbody tr th{padding:.15rem 0;border:0}
.stack td[data-label]{display:grid;grid-template-columns:minmax(5rem,30%) minmax(0,1fr);gap:0 .75rem}.stack td[data-label]>*{grid-column:2;justify-self:start}.stack td[data-label]>.clamp{justify-self:stretch}
.stack td[data-label]::before{content:attr(data-label);grid-row:1;color:var(--soft);font-size:.8125rem}
.stack td.number{text-align:start}.stack td.act{padding-top:.5rem;text-align:start}
.rules li{grid-template-columns:auto 1fr}.rules .origin,.rules .why{grid-column:1/-1}
.file td+td{display:none}}
@media (max-height:30rem){.desk .bar .mark{float:none;height:1.75rem}.desk main{max-width:84rem}}
@media (forced-colors:active){.card,.figure,.scroll,.state{border:1px solid}.figure .stroke{stroke:CanvasText}}
`;

/** The style of the console's pages in one configuration. */
export function consoleStyleOf(branding: Pick<BrandingSettings, "accent" | "css">): string {
  return styleOf(branding) + style;
}
