import type { Chapter } from "../mutation.ts";
import { httpAnswers } from "./http/answers.ts";
import { httpFraming } from "./http/framing.ts";
import { httpHopByHop } from "./http/hop-by-hop.ts";
import { httpRequests } from "./http/requests.ts";
import { httpUpgrades } from "./http/upgrades.ts";

export const http: Chapter = {
  title: "HTTP (RFC 9110, 9112)",
  promises: [...httpFraming, ...httpRequests, ...httpHopByHop, ...httpUpgrades, ...httpAnswers],
};
