import { TaskerError } from "../../errors";
import type { Wanted } from "../feed";
import type { Call } from "../request/call";
import { eventsQuery } from "../request/query";
import { EventStream } from "../request/sse";
import { changeView, taskView } from "../views";

/** `GET /events[?type=]` (SSE): `response.updated` for every change that the key may see. */
export async function allEvents(call: Call): Promise<null> {
  const { type } = call.queryAs(eventsQuery);
  return stream(call, { type, types: call.identity.types });
}

/** `GET /:taskType/:id/events` (SSE): `task.updated` with the task, and `response.updated`. */
export async function taskEvents(call: Call): Promise<null> {
  const { taskType, id } = call;
  const { service, basePath, log } = call.api;
  let sent = "";
  const first = await service.read(taskType, id);
  return stream(call, { taskId: id, types: call.identity.types }, async (events, lastId) => {
    const reading = sent === "" ? first : await service.read(taskType, id).catch(() => null);
    if (!reading) return log.debug({ task_id: id }, "A followed task could not be read; it is at its next change");
    if (reading.etag === sent) return;
    sent = reading.etag;
    events.event("task.updated", taskView(reading, basePath), lastId);
  });
}

/**
 * Resumes at `Last-Event-ID` (or `?after=`). An expired cursor is answered with `event: reset`: the
 * client reads the state again, and the stream continues from now.
 *
 * @param update is called first, after changes and at each heartbeat
 */
async function stream(
  call: Call,
  wanted: Wanted,
  update: (events: EventStream, id: string | null) => Promise<void> = async () => {},
): Promise<null> {
  const { after: asked } = call.queryAs(eventsQuery);
  const { feed } = call.api;
  await call.streaming(async (signal) => {
    await feed.ready();
    const header = call.req.headers["last-event-id"];
    const lastId = (typeof header === "string" && header !== "" ? header : asked) ?? null;
    const { events, leave } = await open(call, wanted, lastId, update);
    if (!signal.aborted) await new Promise((done) => signal.addEventListener("abort", done, { once: true }));
    leave();
    events.end();
  });
  return null;
}

const MARK = "e1.";

/** The store's cursor in a form that can stand in a header and an address. */
function eventId(cursor: string): string {
  return MARK + Buffer.from(cursor).toString("base64url");
}

/** Throws TaskerError `invalid_request` for an id that this server has not made. */
function cursorOf(id: string): string {
  const cursor = Buffer.from(id.slice(MARK.length), "base64url").toString();
  if (cursor !== "" && eventId(cursor) === id) return cursor;
  throw new TaskerError("invalid_request", "The event id is none of this server's");
}

async function open(
  call: Call,
  wanted: Wanted,
  lastId: string | null,
  update: (events: EventStream, id: string | null) => Promise<void>,
): Promise<{ events: EventStream; leave: () => void }> {
  let id = lastId;
  let updating: Promise<void> = Promise.resolve();
  const changed = () => {
    updating = updating.then(() => update(events, id));
  };
  const events = new EventStream(call, changed);
  const follow = (from: string | null) =>
    call.api.feed.follow(
      wanted,
      from,
      (change) => {
        id = eventId(change.cursor);
        events.event("response.updated", changeView(change), id);
      },
      changed,
    );
  try {
    return { events, leave: await follow(lastId === null ? null : cursorOf(lastId)) };
  } catch (error) {
    if (!(error instanceof TaskerError) || error.code !== "invalid_request") {
      // The head is already sent: end the stream; the client reconnects.
      events.end();
      return { events, leave: () => {} };
    }
    id = null;
    events.event("reset", '{"detail":"The stream cannot be resumed there: read the present state"}', null);
    return { events, leave: await follow(null) };
  }
}
