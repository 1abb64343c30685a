import type { Page } from "playwright-core";
import { expect } from "vitest";

/** What can be operated, in the order of the page: what is shown, and not what is skipped on purpose. */
const operable = `[...document.querySelectorAll("a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex='0']")]
  .filter(node => node.checkVisibility() && !node.disabled && node.tabIndex >= 0)`;

/** Where the keyboard is: its place in that list, and whether that can be seen. -1 is the page itself. */
const here = `(() => {
  const node = document.activeElement, box = node.getBoundingClientRect(), look = getComputedStyle(node);
  return {
    at: (${operable}).indexOf(node),
    what: node === document.body ? "" : node.outerHTML.slice(0, 120),
    seen: look.outlineStyle !== "none" && parseFloat(look.outlineWidth) >= 2 && box.bottom > 0 && box.top < innerHeight && box.right > 0,
  };
})()`;

interface Here {
  readonly at: number;
  readonly what: string;
  readonly seen: boolean;
}

/**
 * Tab goes through everything that can be operated, once, from the top to the bottom, and each place can be seen; Shift and Tab lead back. The
 * page holds the keyboard nowhere: after the last control it is given up.
 */
export async function walk(page: Page, where: string): Promise<void> {
  const count = await page.evaluate<number>(`(${operable}).length`);
  expect(count, where).toBeGreaterThan(0);
  for (let at = 0; at < count; at += 1) {
    await page.keyboard.press("Tab");
    const found = await page.evaluate<Here>(here);
    expect(found, where).toEqual({ at, what: found.what, seen: true });
  }
  if (count > 1) {
    await page.keyboard.press("Shift+Tab");
    expect((await page.evaluate<Here>(here)).at, where).toBe(count - 2);
    await page.keyboard.press("Tab");
  }
  await page.keyboard.press("Tab");
  // To the browser's own controls, or round to the first.
  expect([-1, 0], where).toContain((await page.evaluate<Here>(here)).at);
}

/** Names of a page's links, each once for each place that it leads to. */
const linkNames = `[...new Map([...document.querySelectorAll("main a[href]")].map(node => {
  const name = (node.getAttribute("aria-label") ?? node.textContent).trim();
  return [name + " " + node.href, name];
})).values()]`;

interface AxNode {
  readonly ignored: boolean;
  readonly role?: { readonly value: string };
  readonly name?: { readonly value: string };
  readonly properties?: readonly { readonly name: string; readonly value: { readonly value: unknown } }[];
}
const controls = ["button", "link", "textbox", "searchbox", "combobox", "checkbox", "radio", "image", "img", "DisclosureTriangle"];

/**
 * The page as a screen reader has it, from the browser's own accessibility tree: every control and picture has a name, the landmarks are there
 * once, and headings begin at the first level and leave none out.
 */
export async function listen(page: Page, where: string): Promise<void> {
  const session = await page.context().newCDPSession(page);
  const { nodes } = (await session.send("Accessibility.getFullAXTree")) as unknown as { readonly nodes: readonly AxNode[] };
  await session.detach();
  const told = nodes
    .filter(({ ignored }) => !ignored)
    .map((node) => ({ ...node, is: node.role?.value ?? "", says: node.name?.value.trim() ?? "" }));
  expect(
    told.filter(({ is, says }) => controls.includes(is) && says === "").map(({ is }) => is),
    where,
  ).toEqual([]);
  // Two links of one name that lead to two places are one to those who hear a page's links as a list.
  const links = await page.evaluate<string[]>(linkNames);
  expect(
    links.filter((name, at) => links.indexOf(name) !== at),
    where,
  ).toEqual([]);
  const landmarks = ["banner", "main", "navigation", "contentinfo"];
  expect(
    landmarks.map((role) => [role, told.filter(({ is }) => is === role).length]),
    where,
  ).toEqual(landmarks.map((role) => [role, 1]));
  expect(told.find(({ is }) => is === "navigation")?.says, where).not.toBe("");
  expect(told.find(({ is }) => is === "main")?.says, where).not.toBe("");
  const levels = told.flatMap(({ is, properties = [] }) =>
    is === "heading" ? [Number(properties.find(({ name }) => name === "level")?.value.value)] : [],
  );
  expect(
    levels.filter((level) => level === 1),
    where,
  ).toEqual([1]);
  expect(levels[0], where).toBe(1);
  for (const [at, level] of levels.entries()) expect(level - (levels[at - 1] ?? 0), `${where}: ${levels}`).toBeLessThanOrEqual(1);
}
