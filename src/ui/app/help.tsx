import { CELL_STATES, Mark, MEANING } from "../parts/status";
import { Dialog } from "./dialog";

const KEYS = [
  ["g o, g t, g m, g e", "overview, tasks, matrix, endpoints"],
  ["g y, g s", "types, system"],
  ["/", "search for a task"],
  ["l", "pause or resume live updates"],
  ["j, k, x", "tasks: next, previous, select"],
  ["arrow keys, Home, End, Enter", "matrix: move, open the response"],
  ["Esc", "close what is open"],
  ["?", "this help"],
] as const;

export function Help(props: { onClose(): void }) {
  return (
    <Dialog title="Shortcuts and signs" onClose={props.onClose}>
      <dl class="facts help">
        {KEYS.map(([keys, what]) => (
          <>
            <dt>
              <kbd>{keys}</kbd>
            </dt>
            <dd>{what}</dd>
          </>
        ))}
        {CELL_STATES.map((state) => (
          <>
            <dt>
              <Mark state={state} />
            </dt>
            <dd>{MEANING[state]}</dd>
          </>
        ))}
      </dl>
      <div class="actions">
        <button type="button" class="btn primary" onClick={props.onClose}>
          Close
        </button>
      </div>
    </Dialog>
  );
}
