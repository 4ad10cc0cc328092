import { TaskerError } from "../../errors";
import type { Call } from "../call";
import type { Wanted } from "../feed";
import { eventsQuery } from "../query";
import { EventStream } from "../sse";
import { changeView, taskView } from "../views";

/** Open streams of one process; beyond it 503 `overloaded`. */
const MAX_STREAMS = 2000;

/** `GET /events[?type=]` (SSE): `response.updated` for every change of a response that the key may see. */
export async function allEvents(call: Call): Promise<null> {
  const { type } = call.queryAs(eventsQuery);
  return stream(call, { type, types: call.identity.types });
}

/** `GET /:taskType/:id/events` (SSE): `task.updated` with the whole task at first and after changes, and `response.updated`. */
export async function taskEvents(call: Call): Promise<null> {
  const { taskType, id } = call.params as { taskType: string; id: string };
  const { service, basePath, log } = call.api;
  let told = "";
  const first = await service.read(taskType, id);
  return stream(call, { taskId: id, types: call.identity.types }, async (events, cursor) => {
    const reading = told === "" ? first : await service.read(taskType, id).catch(() => null);
    if (!reading) return log.debug({ task_id: id }, "A followed task could not be read; it is at its next change");
    if (reading.etag === told) return;
    told = reading.etag;
    events.event("task.updated", taskView(reading, basePath), cursor);
  });
}

/**
 * Resumes at `Last-Event-ID` (or `?after=`). A cursor that means nothing any more is answered with `event: reset`: the client
 * reads the state anew, and the stream goes on from now. `settle` is called at first, after changes and at each heartbeat.
 */
async function stream(
  call: Call,
  wanted: Wanted,
  settle: (events: EventStream, cursor: string | null) => Promise<void> = async () => {},
): Promise<null> {
  const { after: asked } = call.queryAs(eventsQuery);
  const { feed } = call.api;
  if (feed.size >= MAX_STREAMS) {
    throw new TaskerError("overloaded", `${MAX_STREAMS} streams are open: poll, or try again later`, {
      retryAfter: 10,
    });
  }
  await feed.ready();
  const header = call.req.headers["last-event-id"];
  const after = (typeof header === "string" && header !== "" ? header : asked) ?? null;
  await call.whileOpen(async (signal) => {
    const events = await open(call, wanted, after, settle);
    if (!signal.aborted)
      await new Promise<void>((done) => signal.addEventListener("abort", () => done(), { once: true }));
    events.leave();
    events.stream.end();
  });
  return null;
}

async function open(
  call: Call,
  wanted: Wanted,
  after: string | null,
  settle: (events: EventStream, cursor: string | null) => Promise<void>,
): Promise<{ stream: EventStream; leave: () => void }> {
  let cursor: string | null = after;
  let settling: Promise<void> = Promise.resolve();
  const changed = () => {
    settling = settling.then(() => settle(events, cursor));
  };
  const events = new EventStream(call.res, ["X-Request-Id", call.requestId], changed);
  const follow = (from: string | null) =>
    call.api.feed.follow(
      wanted,
      from,
      (change) => {
        cursor = change.cursor;
        events.event("response.updated", changeView(change), change.cursor);
      },
      changed,
    );
  try {
    return { stream: events, leave: await follow(after) };
  } catch (error) {
    if (!(error instanceof TaskerError) || error.code !== "invalid_request") {
      // The head is sent already: the stream ends here and the client comes back by itself.
      events.end();
      return { stream: events, leave: () => {} };
    }
    cursor = null;
    events.event("reset", '{"detail":"The stream cannot be resumed there: read the present state"}', null);
    return { stream: events, leave: await follow(null) };
  }
}
