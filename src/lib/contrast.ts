/** A colour as its three channels, 0 to 255. */
export type Colour = readonly [red: number, green: number, blue: number];

/** What WCAG 2.1 asks of text in its level AA (1.4.3). */
export const enoughContrast = 4.5;

/** `#0b5c55` or `#0bc`, in any case; null for everything else. */
export function parseColour(text: string): Colour | null {
  const digits = /^#([0-9a-f]{3}|[0-9a-f]{6})$/i.exec(text)?.[1];
  if (digits === undefined) return null;
  const long = digits.length === 6 ? digits : [...digits].map((digit) => digit + digit).join("");
  const channel = (at: number) => Number.parseInt(long.slice(at, at + 2), 16);
  return [channel(0), channel(2), channel(4)];
}

export function formatColour(colour: Colour): string {
  return `#${colour.map((channel) => channel.toString(16).padStart(2, "0")).join("")}`;
}

/** The contrast ratio of two colours, 1 to 21 (WCAG 2.1, definitions of contrast ratio and relative luminance). */
export function contrast(one: Colour, other: Colour): number {
  const [darker = 0, lighter = 0] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (lighter + 0.05) / (darker + 0.05);
}

/**
 * The shade of `colour` that is nearest to it and has at least `ratio` against each of `grounds`: mixed with black, or with white where
 * black leads away. The colour itself when it is good as it is.
 */
export function shadeWithContrast(colour: Colour, grounds: readonly Colour[], ratio: number): Colour {
  const passes = (candidate: Colour) => grounds.every((ground) => contrast(candidate, ground) >= ratio);
  const light = grounds.every((ground) => luminance(ground) > 0.18);
  for (let share = 0; share <= 100; share += 1) {
    const candidate = mix(colour, light ? [0, 0, 0] : [255, 255, 255], share / 100);
    if (passes(candidate)) return candidate;
  }
  return light ? [0, 0, 0] : [255, 255, 255];
}

/** `share` of the other colour, the rest of the first. */
export function mix(one: Colour, other: Colour, share: number): Colour {
  const channel = (at: 0 | 1 | 2) => Math.round(one[at] * (1 - share) + other[at] * share);
  return [channel(0), channel(1), channel(2)];
}

function luminance(colour: Colour): number {
  const [red = 0, green = 0, blue = 0] = colour.map((channel) => {
    const part = channel / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}
