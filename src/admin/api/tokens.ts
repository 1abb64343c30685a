import { z } from "zod";
import type { SessionSummary } from "../../core/session.ts";
import { endToken, endTokens } from "../operations.ts";
import { ApiProblem } from "./problem.ts";
import { type ApiRoute, queryOf, sessionJson } from "./routes.ts";
import { endAnswer, endRequest, sessionItem, sessionsQuery } from "./schemas.ts";

/** People's own tokens: the same questions and acts as of sessions, at addresses of their own. */

const tokenItem = sessionItem.extend({ name: z.string().describe("What its owner calls it.") }).meta({ id: "PersonalToken" });
const tokensPage = z.object({ tokens: z.array(tokenItem), next: z.string().nullable().describe("Null = that was all.") });

/** A token as the API shows it: its record, never the token. `lastSeenAt` is its last use, or its making where there was none. */
function tokenJson(token: SessionSummary): z.input<typeof tokenItem> {
  return { ...sessionJson(token), name: token.token?.name ?? "" };
}

const noToken = () => new ApiProblem("token.unknown", "there is no such personal token, or not any more");

export const tokenRoutes: readonly ApiRoute[] = [
  {
    ...{ method: "get", path: "/tokens", summary: "People's own tokens, the newest first.", query: sessionsQuery, answer: tokensPage },
    run: async ({ operations, query }) => {
      const { limit, cursor, ...given } = query as z.output<typeof sessionsQuery>;
      const { sessions, next } = await operations.tokens.list(queryOf(given), { cursor: cursor ?? null, limit });
      return { tokens: sessions.map(tokenJson), next };
    },
  },
  {
    ...{ method: "get", path: "/tokens/:handle", summary: "One personal token.", answer: tokenItem },
    run: async ({ operations, handle }) => {
      const token = await operations.tokens.read(handle);
      if (token === null) throw noToken();
      return tokenJson(token);
    },
  },
  {
    ...{ method: "delete", path: "/tokens/:handle", summary: "Ends one personal token, everywhere within a second.", answer: null },
    run: async ({ operations, operator, handle }) => {
      if (!(await endToken(operations, operator, handle))) throw noToken();
      return null;
    },
  },
  {
    ...{ method: "post", path: "/tokens/end", summary: "Ends all personal tokens that match.", body: endRequest, answer: endAnswer },
    run: async ({ operations, operator, body }) => {
      const { all, dryRun, ...given } = body as z.output<typeof endRequest>;
      const query = all === true ? "everyone" : queryOf(given);
      const ended = dryRun ? await operations.tokens.countMatching(query) : await endTokens(operations, operator, query);
      return { ended, dryRun };
    },
  },
];
