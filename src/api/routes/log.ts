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

interface Place {
  taskType: string;
  id: string;
  endpoint: string;
  job: string | null;
}

/**
 * `GET /:taskType/:id/responses/:endpoint/log?job=&after=&limit=` → what its handler logged, as a list; or with
 * `Accept: text/event-stream` as it comes: `log` for each piece, and `end` when the response is final and all has been told.
 */
export async function readLog(call: Call): Promise<Reply | null> {
  const { job, after = 0, limit } = call.queryAs(logQuery);
  const { taskType, id } = call.params as { taskType: string; id: string };
  const place = { taskType, id, endpoint: endpointParam(call), job: job ?? null };
  if (/text\/event-stream/i.test(call.req.headers.accept ?? "")) return followLog(call, place, after);
  const chunks = await pieces(call, place, after, limit + 1);
  const items = chunks.slice(0, limit);
  return list(call, items.map(pieceView), chunks.length > limit ? String(items.at(-1)!.seq) : null);
}

async function followLog(call: Call, place: Place, after: number): Promise<null> {
  const header = Number(call.req.headers["last-event-id"]);
  let seq = Number.isSafeInteger(header) && header > 0 ? header : after;
  await call.streaming(async (signal) => {
    // Before the head is sent, so that what is not there is a problem.
    await finished(call, place);
    const events = new EventStream(call);
    const tell = async (): Promise<number> => {
      const chunks = await pieces(call, place, seq, PAGE);
      for (const chunk of chunks) events.event("log", pieceView(chunk), String(chunk.seq));
      seq = chunks.at(-1)?.seq ?? seq;
      return chunks.length;
    };
    while (!signal.aborted) {
      try {
        // Looked at first: what was logged before the end is told before the end.
        const over = await finished(call, place);
        while ((await tell()) === PAGE && !signal.aborted);
        if (over) {
          events.event("end", "{}", null);
          break;
        }
      } catch (error) {
        call.api.log.debug({ err: error, task_id: place.id }, "A followed log cannot be read at the moment");
      }
      await pause(POLL_MS, signal, { ref: false });
    }
    events.end();
  });
  return null;
}

function pieces(call: Call, { taskType, id, endpoint, job }: Place, after: number, limit: number): Promise<LogChunk[]> {
  return call.api.service.log(taskType, id, endpoint, job, after, limit);
}

async function finished(call: Call, { taskType, id, endpoint, job }: Place): Promise<boolean> {
  const { rows } = await call.api.service.response(taskType, id, endpoint);
  return rows.filter((row) => job === null || row.job === job).every((row) => isFinal(row.status));
}

function pieceView({ seq, attempt, at, text }: LogChunk): string {
  return JSON.stringify({ seq, attempt, at, text });
}
