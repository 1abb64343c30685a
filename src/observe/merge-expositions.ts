/** Metrics of one process in the text exposition format; `worker` names it in what cannot be added up. */
export interface Exposition {
  readonly worker: string;
  readonly text: string;
}

/** One metrics page from those of several processes that run the same program. */
export interface MergedMetrics {
  /** Keeps what a process that has ended had counted: a counter that goes down looks like a restart. */
  retire(text: string): void;
  merge(parts: readonly Exposition[]): string;
}

interface Family {
  readonly help: string;
  readonly type: string;
  /** By name and labels, as written. */
  readonly samples: Map<string, number>;
}
type Families = Map<string, Family>;

/** Facts about each process, better seen than mixed: the memory of all workers says nothing about a leak in one. */
const perProcess = /^(?:process|nodejs)_/;
/** Gauges of ours, and what makes one of several: how many there are in all, or what all of them can say. */
const gaugeRules: readonly { readonly name: RegExp; readonly join: (one: number, other: number) => number }[] = [
  { name: /^vestibule_open_/, join: (one, other) => one + other },
  { name: /^vestibule_store_breaker_open$/, join: Math.max },
  { name: /^vestibule_store_/, join: Math.min },
  // Counted in the store, so each worker tells the same, as of a moment of its own.
  { name: /^vestibule_(?:sessions_open|people_active|app_people_active)$/, join: Math.max },
  { name: /^vestibule_certificate_expiry_days$/, join: Math.min },
  { name: /^vestibule_saml_expiry_days$/, join: Math.min },
  { name: /^vestibule_build_info$/, join: Math.max },
];

export function createMergedMetrics(): MergedMetrics {
  const retired: Families = new Map();
  return {
    retire: (text) => add(retired, { worker: "", text }, true),
    merge: (parts) => {
      const merged: Families = new Map();
      for (const part of parts) add(merged, part, false);
      for (const [name, family] of retired) {
        const known = merged.get(name) ?? { ...family, samples: new Map() };
        merged.set(name, known);
        for (const [sample, value] of family.samples) known.samples.set(sample, (known.samples.get(sample) ?? 0) + value);
      }
      return [...format(merged), ""].join("\n");
    },
  };
}

function add(into: Families, { worker, text }: Exposition, countersOnly: boolean): void {
  let help = "";
  let name = "";
  let family: Family | null = null;
  for (const line of text.split("\n")) {
    if (line.startsWith("# HELP ")) help = line;
    else if (line.startsWith("# TYPE ")) {
      const [, , familyName = "", type = ""] = line.split(" ");
      name = familyName;
      if (countersOnly && !isAddedUp(type)) {
        family = null;
        continue;
      }
      family = into.get(name) ?? { help, type, samples: new Map() };
      into.set(name, family);
    } else if (family !== null && line !== "" && !line.startsWith("#")) addSample(name, family, line, worker);
  }
}

function addSample(name: string, { type, samples }: Family, line: string, worker: string): void {
  const at = line.lastIndexOf(" ");
  const sample = line.slice(0, at);
  const value = toNumber(line.slice(at + 1));
  const join = isAddedUp(type) ? (one: number, other: number) => one + other : gaugeRules.find((rule) => rule.name.test(name))?.join;
  if (join === undefined || (perProcess.test(name) && !isAddedUp(type))) return void samples.set(withLabel(sample, worker), value);
  const known = samples.get(sample);
  samples.set(sample, known === undefined ? value : join(known, value));
}

const isAddedUp = (type: string): boolean => type === "counter" || type === "histogram";

function withLabel(sample: string, worker: string): string {
  if (worker === "") return sample;
  const label = `worker="${worker}"`;
  return sample.endsWith("}") ? `${sample.slice(0, -1)}${sample.endsWith("{}") ? "" : ","}${label}}` : `${sample}{${label}}`;
}

function* format(families: Families): Iterable<string> {
  for (const [name, { help, type, samples }] of families) {
    if (help !== "") yield help;
    yield `# TYPE ${name} ${type}`;
    for (const [sample, value] of samples) yield `${sample} ${fromNumber(value)}`;
  }
}

const toNumber = (text: string): number =>
  /^[-+]?inf/i.test(text) ? (text.startsWith("-") ? -1 : 1) * Number.POSITIVE_INFINITY : Number(text);
const fromNumber = (value: number): string =>
  Number.isFinite(value) ? String(value) : Number.isNaN(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf";

/** What only the primary knows of its workers, in the text exposition format. */
export function workerMetricsText(counts: { readonly wanted: number; readonly serving: number; readonly crashes: number }): string {
  return [
    "# HELP vestibule_workers Worker processes: how many serve, of how many that should.",
    "# TYPE vestibule_workers gauge",
    `vestibule_workers{state="wanted"} ${counts.wanted}`,
    `vestibule_workers{state="serving"} ${counts.serving}`,
    "# HELP vestibule_worker_crashes_total Workers that ended by themselves and were replaced.",
    "# TYPE vestibule_worker_crashes_total counter",
    `vestibule_worker_crashes_total ${counts.crashes}`,
    "",
  ].join("\n");
}
