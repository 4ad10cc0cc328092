import { Counter, type Registry } from "prom-client";
import { isShown, labelOf, UNREGISTERED } from "./endpoint-label";

interface Labels {
  type: string;
  endpoint: string;
  status: string;
}

/** Most different label sets that wait for a scrape. */
const MAX_WAITING = 5000;

/**
 * Counts final responses by endpoint. A request may name any endpoint, so unregistered ones share
 * one label, and the series of a removed endpoint are deleted. An endpoint that has received a task
 * is registered; for the others the database is asked at each scrape.
 *
 * @param registered the names of all endpoints; rejects when the database is unavailable
 */
export function responseCounter(
  registry: Registry,
  registered: () => Promise<ReadonlySet<string>>,
): (labels: Labels, received: boolean) => void {
  const waiting = new Map<string, { labels: Labels; count: number }>();
  const series = new Map<string, Labels>();
  const counter = new Counter({
    name: "tasker_responses_total",
    help: "Final responses, counted by the process that completed their task; unregistered endpoints share a label",
    labelNames: ["type", "endpoint", "status"],
    registers: [registry],
    async collect() {
      // Taken before the query: endpoints counted later may have registered later.
      const [before, unconfirmed] = [[...series], [...waiting.values()]];
      waiting.clear();
      const names = await registered().catch(() => null);
      if (names === null) {
        for (const { labels, count } of unconfirmed) hold(labels, count);
        return;
      }
      for (const { labels, count } of unconfirmed) add({ ...labels, endpoint: labelOf(labels.endpoint, names) }, count);
      for (const [key, labels] of before) {
        if (isShown(labels.endpoint, names)) continue;
        counter.remove({ ...labels });
        series.delete(key);
      }
    },
  });

  function add(labels: Labels, count: number): void {
    series.set(keyOf(labels), labels);
    counter.inc({ ...labels }, count);
  }

  function hold(labels: Labels, count: number): void {
    const known = waiting.get(keyOf(labels));
    if (known) known.count += count;
    else if (waiting.size >= MAX_WAITING) add({ ...labels, endpoint: UNREGISTERED }, count);
    else waiting.set(keyOf(labels), { labels, count });
  }

  return (labels, received) => (received ? add(labels, 1) : hold(labels, 1));
}

function keyOf({ type, endpoint, status }: Labels): string {
  return `${type} ${endpoint} ${status}`;
}
