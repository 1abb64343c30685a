import { AndFilter, EqualityFilter, type Filter, FilterParser, NotFilter, OrFilter, PresenceFilter, SubstringFilter } from "ldapts";

/** A filter of the configuration, read once. */
export interface FilterTemplate {
  /** The names of its placeholders, in order. */
  readonly placeholders: readonly string[];
  /**
   * The filter with these values. They are put into the tree that was read before, not into its text: no value can add a condition
   * (LDAP injection), and none needs escaping. Throws when a placeholder has no value.
   */
  fill(values: Readonly<Record<string, string>>): Filter;
  /**
   * The filter for any value of this placeholder: `(uid={login})` becomes `(uid=*)`. Says whether an entry may still sign in when
   * the login name is not at hand.
   */
  open(placeholder: string): Filter;
}

const placeholder = /\{([A-Za-z][\w;-]*)\}/g;

/** Reads an RFC 4515 filter with `{placeholders}` in its values; throws an Error that says what is wrong with it. */
export function readFilter(text: string): FilterTemplate {
  // ldapts takes a filter whose last brackets are missing.
  if (!isBalanced(text)) throw new Error("its brackets do not match: one in a value is written \\28 or \\29");
  const tree = FilterParser.parseString(withoutHighEscapes(text));
  const names: string[] = [];
  visitTexts(tree, (value) => {
    names.push(...[...value.matchAll(placeholder)].map(([, name = ""]) => name));
    return value;
  });
  const rest = text.replace(placeholder, "");
  if (/[{}]/.test(rest)) throw new Error("a brace that is no placeholder: write it as \\7b or \\7d");
  if (names.length !== (text.match(placeholder)?.length ?? 0)) throw new Error("a placeholder may stand in a value only");
  return {
    placeholders: [...new Set(names)],
    fill: (values) =>
      visitTexts(tree, (value) =>
        value.replace(placeholder, (_, name: string) => {
          const given = Object.hasOwn(values, name) ? values[name] : undefined;
          if (given === undefined) throw new Error(`there is no value for {${name}}`);
          return given;
        }),
      ),
    open: (name) => opened(tree, `{${name}}`),
  };
}

function isBalanced(text: string): boolean {
  let depth = 0;
  for (const character of text) {
    if (character === "(") depth += 1;
    else if (character === ")") depth -= 1;
    if (depth < 0) return false;
  }
  return depth === 0;
}

/** ldapts reads `\c3\a9` as two characters; as text they are one. Escapes of ASCII stay: they may mean `*` or a bracket. */
function withoutHighEscapes(text: string): string {
  return text.replace(/(?:\\[89a-f][0-9a-f])+/gi, (escapes) => Buffer.from(escapes.replaceAll("\\", ""), "hex").toString("utf8"));
}

/** A copy of the filter in which each text value is what `change` makes of it. */
function visitTexts(filter: Filter, change: (value: string) => string): Filter {
  const text = (value: Buffer | string) => (typeof value === "string" ? change(value) : value);
  if (filter instanceof AndFilter) return new AndFilter({ filters: filter.filters.map((one) => visitTexts(one, change)) });
  if (filter instanceof OrFilter) return new OrFilter({ filters: filter.filters.map((one) => visitTexts(one, change)) });
  if (filter instanceof NotFilter) return new NotFilter({ filter: visitTexts(filter.filter, change) });
  if (filter instanceof SubstringFilter)
    return new SubstringFilter({
      attribute: filter.attribute,
      initial: change(filter.initial),
      any: filter.any.map(change),
      final: change(filter.final),
    });
  if (filter instanceof EqualityFilter) return new EqualityFilter({ attribute: filter.attribute, value: text(filter.value) });
  if (filter instanceof PresenceFilter) return filter;
  // The comparing ones (>=, <=, ~=, :=) hold a text in `value` as well.
  const copy = Object.assign(Object.create(Object.getPrototypeOf(filter)) as Filter, filter) as Filter & { value: string };
  copy.value = change(copy.value);
  return copy;
}

/** Conditions on exactly the placeholder become "has the attribute", those around it substrings; comparisons with it are true of none. */
function opened(filter: Filter, mark: string): Filter {
  if (filter instanceof AndFilter) return new AndFilter({ filters: filter.filters.map((one) => opened(one, mark)) });
  if (filter instanceof OrFilter) return new OrFilter({ filters: filter.filters.map((one) => opened(one, mark)) });
  if (filter instanceof NotFilter) return new NotFilter({ filter: opened(filter.filter, mark) });
  if (filter instanceof EqualityFilter && typeof filter.value === "string" && filter.value.includes(mark)) {
    const [initial = "", ...rest] = filter.value.split(mark);
    const final = rest.pop() ?? "";
    if (initial === "" && final === "" && rest.length === 0) return new PresenceFilter({ attribute: filter.attribute });
    return new SubstringFilter({ attribute: filter.attribute, initial, any: rest.filter((part) => part !== ""), final });
  }
  if (filter instanceof SubstringFilter) {
    const parts = [filter.initial, ...filter.any, filter.final].flatMap((part, at, all) => {
      const pieces = part.split(mark);
      return pieces.map((piece, index) => ({
        piece,
        first: at === 0 && index === 0,
        last: at === all.length - 1 && index === pieces.length - 1,
      }));
    });
    const any = parts.filter(({ piece, first, last }) => !first && !last && piece !== "").map(({ piece }) => piece);
    return new SubstringFilter({ attribute: filter.attribute, initial: parts[0]?.piece ?? "", any, final: parts.at(-1)?.piece ?? "" });
  }
  return filter;
}

/** This attribute has exactly this value; bytes are sent as they are. */
export function equals(attribute: string, value: string | Buffer): Filter {
  return new EqualityFilter({ attribute, value });
}

/** Every entry has a class: the filter for reading one entry by its name. */
export const anyEntry: Filter = new PresenceFilter({ attribute: "objectClass" });
