import type { TaskerProcess } from "../../tasker";
import { uiDir } from "../ui-dir";

const ANYBODY = { name: null, types: null, remote: null, traceparent: null };
const TYPE = "noop";

/** Shows a sample task on an empty store until all have answered, and a request to try. */
export async function demo({ service, api, config }: TaskerProcess): Promise<void> {
  if (!service || !api) return;
  const say = (line: string) => process.stdout.write(`${line}\n`);
  const [newest] = (await service.list({ limit: 1 })).items;
  if (newest) {
    const { type, id } = newest.task;
    say(`earlier tasks are still here; the newest: ${api.url}/${type}/${id}`);
  } else if (config.taskTypes[TYPE]) {
    const body = { identifier: "first-task", payload: { hello: "world" } };
    const { reading } = await service.submit(TYPE, body, ANYBODY);
    const { id } = reading.task;
    say(`submitted ${TYPE} ${id} to ${reading.responses.map((row) => row.endpoint).join(", ")}`);
    let shown = "";
    let now = await service.read(TYPE, id);
    for (;;) {
      const { succeeded, expected, missing } = now.state.completeness;
      const line = `${succeeded} of ${expected} have answered${missing.length ? `, missing: ${missing.join(", ")}` : ""}`;
      if (line !== shown) say(line);
      shown = line;
      if (now.state.settled) break;
      now = await service.wait(TYPE, id, 30_000, { etag: now.etag });
    }
  }
  say(`
try it:
  curl -X POST ${api.url}/${TYPE} -H 'content-type: application/json' -d '{"identifier":"my-task","payload":{"foo":"bar"}}'
  curl '${api.url}/tasks'${uiDir() ? `\nor look at ${api.url}/ui/` : ""}
Ctrl-C stops it.`);
}
