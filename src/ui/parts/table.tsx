import type { ComponentChildren } from "preact";

/** A table that scrolls horizontally; on narrow screens its rows become cards. */
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
