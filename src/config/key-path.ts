/** Where something stands in the file: map keys and list indexes from the root. */
export type KeyPath = readonly (string | number)[];

/** The path as operators read it: `apps[0].routes[1].access[0].allow.groups`. */
export function formatKeyPath(path: KeyPath): string {
  let text = "";
  for (const step of path) {
    if (typeof step === "number") text += `[${step}]`;
    else if (!/^[A-Za-z_][\w-]*$/.test(step)) text += `[${JSON.stringify(step)}]`;
    else text += text === "" ? step : `.${step}`;
  }
  return text;
}

/** The path as a map key that no two paths share. */
export function keyOf(path: KeyPath): string {
  return JSON.stringify(path);
}
