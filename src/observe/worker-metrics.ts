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
