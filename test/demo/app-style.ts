/** The demo applications' style sheet; they differ by one colour. */
export function appStyle(accent: string): string {
  return `
:root { color-scheme: light dark; --accent: ${accent};
  --ink: light-dark(#1b1d23, #e8e9ee); --soft: light-dark(#5d6270, #a0a5b5);
  --paper: light-dark(#f6f5f2, #14151a); --card: light-dark(#fff, #1d1f26); --line: light-dark(#e2e0da, #2e313b); }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 1rem/1.55 system-ui, "Liberation Sans", sans-serif; }
header { display: flex; justify-content: space-between; align-items: center; gap: 1rem; flex-wrap: wrap;
  padding: .8rem max(1.2rem, calc(50vw - 24rem)); background: var(--card); border-bottom: 1px solid var(--line); }
.brand { display: flex; align-items: center; gap: .6rem; font-weight: 650; color: inherit; text-decoration: none; }
.brand span { display: grid; place-items: center; width: 1.9rem; height: 1.9rem; border-radius: .5rem; background: var(--accent); color: #fff; }
nav a { margin-left: .8rem; }
main { max-width: 48rem; margin: 0 auto; padding: 2.2rem 1.2rem 1rem; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 .4rem; letter-spacing: -.01em; }
h2 { font-size: .82rem; text-transform: uppercase; letter-spacing: .07em; color: var(--soft); margin: 2.2rem 0 .7rem; }
h3 { font-size: .95rem; margin: 0 0 .4rem; }
.lead { color: var(--soft); margin: 0; }
a { color: light-dark(color-mix(in oklab, var(--accent), #000 15%), color-mix(in oklab, var(--accent), #fff 45%)); }
dl { margin: 0; background: var(--card); border: 1px solid var(--line); border-radius: .8rem; overflow: hidden; }
dl div { display: grid; grid-template-columns: minmax(9rem, 13rem) 1fr; gap: 1rem; padding: .55rem 1rem; }
dl div + div { border-top: 1px solid var(--line); }
dt, code { font: .88rem/1.6 ui-monospace, "Liberation Mono", monospace; }
dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
section:first-of-type dd { font-weight: 600; }
.empty { background: var(--card); border: 1px dashed var(--line); border-radius: .8rem; padding: 1rem; margin: 0; color: var(--soft); }
.live { display: grid; grid-template-columns: repeat(auto-fit, minmax(15rem, 1fr)); gap: 1rem; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: .8rem; padding: 1rem; }
.card output { display: block; font-variant-numeric: tabular-nums; }
.card output::before { content: ""; display: inline-block; width: .6rem; height: .6rem; border-radius: 50%; margin-right: .5rem; background: #b9a15a; }
.card[data-state=open] output::before { background: #2f9e63; } .card[data-state=closed] output::before { background: #c8473b; }
.card form { display: flex; gap: .5rem; margin-top: .7rem; }
input, button { font: inherit; padding: .35rem .6rem; border-radius: .45rem; border: 1px solid var(--line); background: var(--paper); color: inherit; min-width: 0; }
input { flex: 1; } button { background: var(--accent); border-color: transparent; color: #fff; cursor: pointer; }
.links { list-style: none; margin: 0; padding: 0; } .links li { padding: .25rem 0; } .links span { color: var(--soft); }
details { margin-top: 2.2rem; } summary { cursor: pointer; color: var(--soft); }
footer { max-width: 48rem; margin: 0 auto; padding: 1.5rem 1.2rem 3rem; color: var(--soft); font-size: .9rem; }
@media (max-width: 34rem) { dl div { grid-template-columns: 1fr; gap: 0; } }
`;
}
