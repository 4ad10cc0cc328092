import { useState } from "preact/hooks";
import type { Task, TaskResponse } from "../../../client/types";
import { Log } from "../response/log";

const PAGE = 30;

/** The logs of all endpoints, one below the other; read only when unfolded. */
export function Logs(props: { task: Task }) {
  const begun = props.task.responses.filter((response) => response.started_at !== null);
  const [open, setOpen] = useState<ReadonlySet<string>>(new Set(begun.length === 1 ? [keyOf(begun[0]!)] : []));
  const [shown, setShown] = useState(PAGE);
  if (begun.length === 0) return <p class="muted">No endpoint has begun yet.</p>;
  const visible = begun.slice(0, shown);
  const flip = (key: string, on: boolean) => {
    if (open.has(key) === on) return;
    const next = new Set(open);
    if (on) next.add(key);
    else next.delete(key);
    setOpen(next);
  };
  return (
    <div class="stack">
      <div class="actions">
        <button type="button" class="btn small" onClick={() => setOpen(new Set(visible.map(keyOf)))}>
          Unfold all
        </button>
        <button type="button" class="btn small" onClick={() => setOpen(new Set())}>
          Fold all
        </button>
      </div>
      {visible.map((response) => {
        const key = keyOf(response);
        return (
          <details
            key={key}
            class="more"
            open={open.has(key)}
            onToggle={(event) => flip(key, event.currentTarget.open)}
          >
            <summary>
              {response.endpoint} {response.job} <span class="muted small">{response.status}</span>
            </summary>
            {open.has(key) && (
              <Log
                type={props.task.type}
                id={props.task.id}
                endpoint={response.endpoint ?? "*"}
                job={response.job}
                open={response.finished_at === null}
              />
            )}
          </details>
        );
      })}
      {begun.length > shown && (
        <button type="button" class="btn small" onClick={() => setShown(shown + PAGE)}>
          Show more ({begun.length - shown} left)
        </button>
      )}
    </div>
  );
}

const keyOf = (response: TaskResponse) => `${response.endpoint}/${response.job}`;
