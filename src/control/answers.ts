import type { Answer } from "../core/answer.ts";

/** A `Set-Cookie` field's value. */
export type CookieLine = string;

/** A redirect that leaves no trace: no referrer with what stands in our URLs, nothing kept by caches. */
export function redirectTo(url: string, options: { readonly status?: 302 | 303; readonly cookies?: readonly CookieLine[] } = {}): Answer {
  return withCookies(
    {
      status: options.status ?? 303,
      headers: [
        ["Location", url],
        ["Referrer-Policy", "no-referrer"],
      ],
      body: "",
      close: false,
    },
    options.cookies ?? [],
  );
}

export function jsonAnswer(status: number, body: object, headers: Answer["headers"] = []): Answer {
  return { status, headers: [["Content-Type", "application/json; charset=utf-8"], ...headers], body: JSON.stringify(body), close: false };
}

export function withCookies(answer: Answer, cookies: readonly CookieLine[]): Answer {
  return withHeaders(
    answer,
    cookies.map((line) => ["Set-Cookie", line] as const),
  );
}

export function withHeaders(answer: Answer, headers: Answer["headers"]): Answer {
  return headers.length === 0 ? answer : { ...answer, headers: [...answer.headers, ...headers] };
}

/** What every control answer says unless it says otherwise itself: kept nowhere, sniffed, framed and scripted by nobody. */
const defaults: Answer["headers"] = [
  ["Cache-Control", "no-store"],
  ["Content-Security-Policy", "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"],
  ["Cross-Origin-Resource-Policy", "same-origin"],
  ["Referrer-Policy", "no-referrer"],
  ["X-Content-Type-Options", "nosniff"],
  ["X-Frame-Options", "DENY"],
];

/** The answer with the protective fields that it lacks and the request id under which its story is logged. */
export function withDefaults(answer: Answer, requestId: string): Answer {
  const present = new Set(answer.headers.map(([name]) => name.toLowerCase()));
  const missing = [...defaults, ["X-Request-Id", requestId] as const].filter(([name]) => !present.has(name.toLowerCase()));
  return withHeaders(answer, missing);
}

export function toResponse(answer: Answer): Response {
  const headers = new Headers();
  for (const [name, value] of answer.headers) headers.append(name, value);
  if (answer.close) headers.set("Connection", "close");
  const bodiless = answer.status === 204 || answer.status === 304;
  return new Response(bodiless ? null : answer.body, { status: answer.status, headers });
}
