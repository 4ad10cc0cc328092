import type { ComponentChildren } from "preact";

/** A table in a box that scrolls sideways; where there is no room its rows turn into cards. */
export function Table(props: {
  /** Heads of the columns; empty ones are left out. */
  columns: readonly ComponentChildren[];
  label?: string;
  busy?: boolean;
  children: ComponentChildren;
}) {
  return (
    <div class="table-wrap">
      <table class="cards" aria-label={props.label} aria-busy={props.busy}>
        <thead>
          <tr>{props.columns.map((head) => head && <th scope="col">{head}</th>)}</tr>
        </thead>
        <tbody>{props.children}</tbody>
      </table>
    </div>
  );
}
