import { pause } from "../../backoff";
import { isFinal } from "../../model/response";
import type { LogChunk } from "../../store/store";
import type { Call } from "../request/call";
import { logQuery } from "../request/query";
import type { Reply } from "../request/reply";
import { EventStream } from "../request/sse";
import { list } from "./lists";
import { endpointParam } from "./responses";

const POLL_MS = 500;
const PAGE = 500;

/**
 * `GET /:taskType/:id/responses/:endpoint/log?job=&after=&limit=` → what its handler logged, as a
 * list; or with `Accept: text/event-stream` as it comes: `log` for each chunk, and `end` after the
 * last one of a response that is final.
 */
export async function readLog(call: Call): Promise<Reply | null> {
  const { job = null, after = 0, limit } = call.queryAs(logQuery);
  endpointParam(call);
  if (/text\/event-stream/i.test(call.req.headers.accept ?? "")) return followLog(call, job, after);
  const chunks = await read(call, job, after, limit + 1);
  const items = chunks.slice(0, limit);
  return list(call, items.map(chunkView), chunks.length > limit ? String(items.at(-1)!.seq) : null);
}

async function followLog(call: Call, job: string | null, after: number): Promise<null> {
  const header = Number(call.req.headers["last-event-id"]);
  let seq = Number.isSafeInteger(header) && header > 0 ? header : after;
  await call.streaming(async (signal) => {
    // Before the head is sent, so that what is not there is a problem.
    await finished(call, job);
    const events = new EventStream(call);
    const sendPage = async (): Promise<number> => {
      const chunks = await read(call, job, seq, PAGE);
      for (const chunk of chunks) events.event("log", chunkView(chunk), String(chunk.seq));
      seq = chunks.at(-1)?.seq ?? seq;
      return chunks.length;
    };
    while (!signal.aborted) {
      try {
        // Asked first: what was logged before the end is sent before the end.
        const over = await finished(call, job);
        while ((await sendPage()) === PAGE && !signal.aborted);
        if (over) {
          events.event("end", "{}", null);
          break;
        }
      } catch (error) {
        call.api.log.debug({ err: error, task_id: call.id }, "A followed log cannot be read at the moment");
      }
      await pause(POLL_MS, signal, { ref: false });
    }
    events.end();
  });
  return null;
}

function read(call: Call, job: string | null, after: number, limit: number): Promise<LogChunk[]> {
  return call.api.service.log(call.taskType, call.id, endpointParam(call), job, after, limit);
}

async function finished(call: Call, job: string | null): Promise<boolean> {
  const { rows } = await call.api.service.response(call.taskType, call.id, endpointParam(call));
  return rows.filter((row) => job === null || row.job === job).every((row) => isFinal(row.status));
}

function chunkView({ seq, attempt, at, text }: LogChunk): string {
  return JSON.stringify({ seq, attempt, at, text });
}
