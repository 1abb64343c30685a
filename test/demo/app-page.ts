/** What a demo application shows: mostly the request that reached it. */
export interface AppPage {
  readonly title: string;
  readonly headline: string;
  readonly text: string;
  readonly method: string;
  readonly target: string;
  readonly headers: readonly { readonly name: string; readonly value: string }[];
  readonly links: readonly { readonly href: string; readonly text: string; readonly note: string }[];
  readonly live: boolean;
}

export function appPage(page: AppPage): string {
  const identity = page.headers.filter(({ name }) => isIdentity(name));
  const rest = page.headers.filter(({ name }) => !isIdentity(name));
  const name = identity.find((header) => header.name.toLowerCase() === "remote-name")?.value ?? "";
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(page.headline)} · ${escapeHtml(page.title)}</title>
<link rel="stylesheet" href="/app.css">
<link rel="icon" href="data:,">
</head>
<body>
<header>
  <a class="brand" href="/"><span aria-hidden="true">${escapeHtml(page.title.slice(0, 1))}</span>${escapeHtml(page.title)}</a>
  <nav>${name === "" ? "<em>nobody is signed in</em>" : `<strong>${escapeHtml(name)}</strong> <a href="/_vestibule/logout">Sign out</a>`}</nav>
</header>
<main>
  <h1>${escapeHtml(page.headline)}</h1>
  <p class="lead">${escapeHtml(page.text)}</p>
  <section aria-labelledby="who">
    <h2 id="who">Who the gateway says you are</h2>
    ${identity.length === 0 ? '<p class="empty">No identity header arrived: this page is public.</p>' : headerList(identity)}
  </section>
  ${page.live ? liveSection : ""}
  <section aria-labelledby="try">
    <h2 id="try">Try</h2>
    <ul class="links">${page.links.map((link) => `<li><a href="${escapeHtml(link.href)}">${escapeHtml(link.text)}</a> <span>${escapeHtml(link.note)}</span></li>`).join("")}</ul>
  </section>
  <details>
    <summary>The whole request as it reached this application</summary>
    <p><code>${escapeHtml(page.method)} ${escapeHtml(page.target)}</code></p>
    ${headerList(rest)}
  </details>
</main>
<footer>This application has no login of its own. It believes the headers above, because only the gateway can reach it.</footer>
${page.live ? `<script>${liveScript}</script>` : ""}
</body>
</html>
`;
}

const liveSection = `<section aria-labelledby="live">
    <h2 id="live">Live, as long as your session</h2>
    <div class="live">
      <div class="card" data-state="waiting" id="socket"><h3>WebSocket</h3><output>connecting …</output>
        <form><input aria-label="Message" placeholder="say something" maxlength="60"><button>Send</button></form></div>
      <div class="card" data-state="waiting" id="events"><h3>Event stream</h3><output>connecting …</output></div>
    </div>
  </section>`;

/** Sign out in another tab, or on the other application: both lines end within a second. */
const liveScript = `
const card = (id) => { const box = document.getElementById(id); const out = box.querySelector("output");
  return (state, text) => { box.dataset.state = state; out.textContent = text; }; };
const showSocket = card("socket"), showEvents = card("events");
const socket = new WebSocket(location.origin.replace("http", "ws") + "/live/socket");
socket.onmessage = ({ data }) => { const told = JSON.parse(data);
  showSocket("open", told.echo === undefined ? "server time " + told.clock.slice(11, 19) : "echo: " + told.echo); };
socket.onclose = () => showSocket("closed", "closed by the gateway");
document.querySelector("#socket form").onsubmit = (event) => { event.preventDefault();
  const input = event.target.querySelector("input"); if (socket.readyState === 1) socket.send(input.value); input.value = ""; };
const events = new EventSource("/live/events");
events.onmessage = ({ data }) => { const { count, user } = JSON.parse(data); showEvents("open", "event " + count + " for " + user); };
events.onerror = () => { events.close(); showEvents("closed", "ended by the gateway"); };
`;

const isIdentity = (name: string): boolean => /^(remote-|x-department$|x-vestibule-)/i.test(name);

function headerList(headers: AppPage["headers"]): string {
  return `<dl>${headers.map(({ name, value }) => `<div><dt>${escapeHtml(name)}</dt><dd>${value === "" ? "<i>empty</i>" : escapeHtml(value)}</dd></div>`).join("")}</dl>`;
}

function escapeHtml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}
