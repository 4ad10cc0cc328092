import type { Signal } from "@preact/signals";
import { Badge, MEANING } from "../../parts/status";
import { Text } from "../../parts/text";
import { between, duration, Time } from "../../parts/time";
import { ANYONE, type Row } from "./model";
import { type Place, ROW_HEIGHT } from "./place";

/** The cross-hair: two bands behind the cells. */
export function Cross(props: { at: Signal<Place | null> }) {
  const at = props.at.value;
  if (!at) return null;
  return (
    <div aria-hidden="true">
      {at.row >= 0 && (
        <div
          class="mx-band"
          style={{ top: `${at.row * ROW_HEIGHT}px`, height: `${ROW_HEIGHT}px`, left: 0, right: 0 }}
        />
      )}
      {at.column >= 0 && <div class="mx-band mx-band-column" style={{ "--at": at.column }} />}
    </div>
  );
}

/**
 * Details of the cell under the pointer or the keyboard. They are below the grid, so that they
 * cover no cell and the pointer can reach them.
 */
export function Card(props: { at: Signal<Place | null>; rows: readonly Row[]; columns: readonly string[] }) {
  const at = props.at.value;
  const row = at ? props.rows[at.row] : undefined;
  const column = at ? props.columns[at.column] : undefined;
  if (!row || !column) {
    return (
      <div class="mx-card muted small">
        <span>Point at a cell, or go into the grid with Tab and the arrow keys. Enter opens the response.</span>
      </div>
    );
  }
  row.changed.value;
  const cell = row.cells.get(column);
  const took = cell ? between(cell.startedAt, cell.finishedAt) : null;
  return (
    <div class="mx-card small">
      <span class="strong ellipsis">
        <Text value={row.task.identifier} most={60} /> <span class="muted">at</span>{" "}
        {column === ANYONE ? "any one endpoint" : column}
      </span>
      {cell ? (
        <>
          <Badge state={cell.state} />
          <span class="muted">{cell.reason ? `reason ${cell.reason}` : MEANING[cell.state]}</span>
          {cell.attempt > 0 && (
            <span class="num">
              attempt {cell.attempt} of {cell.attempts}
            </span>
          )}
          {cell.startedAt && (
            <span>
              <span class="muted">started</span> <Time at={cell.startedAt} />
            </span>
          )}
          {took !== null && <span class="num">{duration(took)}</span>}
        </>
      ) : (
        <span class="muted">not expected to perform this task</span>
      )}
    </div>
  );
}
