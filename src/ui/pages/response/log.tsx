import { useEffect, useRef, useState } from "preact/hooks";
import type { LogChunk } from "../../../client/types";
import { readLog } from "../../api/calls";
import { messageOf } from "../../api/http";
import { paused, REFETCH_MS } from "../../api/live";
import { visible } from "../../parts/text";

const PAGE = 1000;
const KEPT = 5000;
/** Longer lines are cut until expanded. */
const LINE = 2000;
const COLOURS = new RegExp(`${String.fromCharCode(27)}\\[[0-9;]*m`, "g");

interface Place {
  type: string;
  id: string;
  endpoint: string;
  job: string | null;
}

/** The handler's log, updated while it runs, as plain text without ANSI colours. */
export function Log(props: Place & { open: boolean }) {
  const { chunks, loaded, error } = useChunks(props, props.open);
  const [search, setSearch] = useState("");
  const [wrap, setWrap] = useState(true);
  const [tail, setTail] = useState(true);
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (tail && box.current) box.current.scrollTop = box.current.scrollHeight;
  }, [chunks, tail]);

  const found = search.toLowerCase();
  const shown = found ? chunks.filter((chunk) => chunk.text.toLowerCase().includes(found)) : chunks;
  if (error) return <p class="bad-text">{error}</p>;
  if (loaded && chunks.length === 0)
    return <p class="muted">{props.open ? "Nothing logged yet." : "It logged nothing."}</p>;
  return (
    <div class="stack">
      <div class="actions">
        <input
          type="search"
          placeholder="Search the log"
          aria-label="Search the log"
          value={search}
          onInput={(event) => setSearch(event.currentTarget.value)}
        />
        <label>
          <input type="checkbox" checked={wrap} onChange={() => setWrap(!wrap)} /> Wrap
        </label>
        <label>
          <input type="checkbox" checked={tail} onChange={() => setTail(!tail)} /> Follow
        </label>
        {found && (
          <span class="muted small" role="status">
            {shown.length} found
          </span>
        )}
      </div>
      <div
        ref={box}
        class={`log-box ${wrap ? "" : "nowrap"}`}
        tabIndex={0}
        role="region"
        aria-label={`Log of ${props.endpoint}`}
      >
        {shown.map((chunk) => (
          <Line key={chunk.seq} text={chunk.text} />
        ))}
      </div>
    </div>
  );
}

/** The last chunks of the log, polled while the response is open and once after its end. */
function useChunks({ type, id, endpoint, job }: Place, isOpen: boolean) {
  const [chunks, setChunks] = useState<LogChunk[]>([]);
  const [state, setState] = useState({ loaded: false, error: "" });
  const open = useRef(isOpen);
  open.current = isOpen;
  useEffect(() => {
    const gone = new AbortController();
    let seq = 0;
    let finished = false;
    const load = async () => {
      for (;;) {
        const page = await readLog(type, id, endpoint, { job, after: seq, limit: PAGE }, gone.signal);
        if (page.items.length > 0) {
          seq = page.items.at(-1)!.seq;
          setChunks((old) => [...old, ...page.items].slice(-KEPT));
        }
        if (!page.next) return;
      }
    };
    const round = async () => {
      try {
        await load();
        setState({ loaded: true, error: "" });
      } catch (error) {
        if (!gone.signal.aborted) setState({ loaded: true, error: messageOf(error) });
      }
    };
    void round();
    const timer = setInterval(() => {
      if (paused.peek() || finished) return;
      // One more look after the end: the last lines may come with it.
      if (!open.current) finished = true;
      void round();
    }, REFETCH_MS);
    return () => {
      gone.abort();
      clearInterval(timer);
    };
  }, []);
  return { chunks, ...state };
}

function Line(props: { text: string }) {
  const [all, setAll] = useState(false);
  const text = props.text.replace(COLOURS, "").replace(/\n$/, "");
  return (
    <div class="log-line">
      {visible(text.length > LINE && !all ? `${text.slice(0, LINE)}…` : text)}
      {text.length > LINE && !all && (
        <button type="button" class="btn small ghost" onClick={() => setAll(true)}>
          Show all {text.length} characters
        </button>
      )}
    </div>
  );
}
