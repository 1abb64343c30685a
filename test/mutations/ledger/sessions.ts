import type { Chapter } from "../mutation.ts";
import { cookies } from "./sessions/cookies.ts";
import { forced } from "./sessions/forced.ts";
import { lifetime } from "./sessions/lifetime.ts";
import { logout } from "./sessions/logout.ts";
import { openConnections } from "./sessions/open-connections.ts";
import { pages } from "./sessions/pages.ts";
import { redirects } from "./sessions/redirects.ts";
import { webSockets } from "./sessions/websockets.ts";

export const sessions: Chapter = {
  title: "Sessions, cookies, redirects, pages",
  promises: [...cookies, ...lifetime, ...logout, ...openConnections, ...forced, ...redirects, ...pages, ...webSockets],
};
