import { type DemoApp, startDemoApp } from "./app.ts";
import type { DemoPorts } from "./ports.ts";

/** The two applications of the demo, as the links on their pages see them. */
export async function startApplications(ports: DemoPorts): Promise<readonly DemoApp[]> {
  const wiki = `http://wiki.localhost:${ports.gateway}`;
  const reports = `http://reports.internal.localhost:${ports.gateway}`;
  return Promise.all([
    startDemoApp({
      title: "Wiki",
      accent: "#2f6f5e",
      port: ports.wiki,
      pages: {
        "/": { headline: "The wiki", text: "For staff and partners. Four sign-in services lead here." },
        "/admin": { headline: "Administration", text: "Only members of admins see this." },
        "/vault": { headline: "The vault", text: "Only after signing in with a second factor." },
        "/public": { headline: "A public page", text: "Everybody may read this, and nobody's name is sent along." },
        "/logout": { headline: "Signed out", text: "The wiki's own logout page; the gateway has ended the session as well." },
      },
      links: [
        { href: "/page?with=a&query=kept#below", text: "A deep link", note: "its query survives the login" },
        { href: "/admin", text: "Administration", note: "alice may, bob may not" },
        { href: "/vault", text: "The vault", note: "asks for a stronger login" },
        { href: "/public", text: "A public page", note: "no login, no identity" },
        { href: "/_vestibule/session", text: "My session", note: "as JSON" },
        { href: "/logout", text: "The wiki's own logout", note: "ends the gateway's session too" },
        { href: reports, text: "Reports", note: "another root name, the same login" },
      ],
    }),
    startDemoApp({
      title: "Reports",
      accent: "#7a4fb5",
      port: ports.reports,
      pages: { "/": { headline: "Reports", text: "For staff. Only Acme's own sign-in service is accepted here." } },
      links: [
        { href: "/2026/q3?currency=EUR", text: "A deep link", note: "its query survives the login" },
        { href: "/_vestibule/session", text: "My session", note: "as JSON" },
        { href: wiki, text: "Wiki", note: "another root name, the same login" },
      ],
    }),
  ]);
}
