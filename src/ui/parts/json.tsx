import { useState } from "preact/hooks";
import type { Json } from "../../client/types";
import { ExactNumber } from "../../model/json/exact-json";
import { Text, visible } from "./text";

const PAGE = 100;

/** JSON as a folding tree; long lists in portions, long strings cut until expanded. */
export function JsonTree(props: { value: Json; name?: string; depth?: number }) {
  const { value, depth = 0 } = props;
  const label = props.name === undefined ? null : <span class="k">{visible(props.name.slice(0, 200))}: </span>;
  if (value === null || typeof value !== "object" || value instanceof ExactNumber) {
    return (
      <div class={depth === 0 ? "tree" : undefined}>
        {label}
        <Scalar value={value} />
      </div>
    );
  }
  const entries = Array.isArray(value) ? value.map((item, i) => [String(i), item] as const) : Object.entries(value);
  const size = Array.isArray(value) ? `[${entries.length}]` : `{${entries.length}}`;
  if (entries.length === 0) {
    return (
      <div class={depth === 0 ? "tree" : undefined}>
        {label}
        {Array.isArray(value) ? "[]" : "{}"}
      </div>
    );
  }
  return (
    <details class={depth === 0 ? "tree" : undefined} open={depth < 2 && entries.length <= PAGE}>
      <summary>
        {label}
        <span class="muted">{size}</span>
      </summary>
      <Entries entries={entries} depth={depth + 1} />
    </details>
  );
}

function Entries(props: { entries: ReadonlyArray<readonly [string, Json]>; depth: number }) {
  const [shown, setShown] = useState(PAGE);
  return (
    <ul>
      {props.entries.slice(0, shown).map(([name, item]) => (
        <li key={name}>
          <JsonTree value={item} name={name} depth={props.depth} />
        </li>
      ))}
      {props.entries.length > shown && (
        <li>
          <button type="button" class="btn small ghost" onClick={() => setShown(shown + 10 * PAGE)}>
            Show more ({props.entries.length - shown} left)
          </button>
        </li>
      )}
    </ul>
  );
}

function Scalar(props: { value: null | boolean | number | string | ExactNumber }) {
  const [all, setAll] = useState(false);
  const { value } = props;
  if (typeof value !== "string") return <span class="n">{String(value)}</span>;
  if (value.length <= 500 || all)
    return (
      <span>
        "<Text value={value} most={Number.POSITIVE_INFINITY} />"
      </span>
    );
  return (
    <span>
      "<Text value={value} most={500} />"{" "}
      <button type="button" class="btn small ghost" onClick={() => setAll(true)}>
        Show all {value.length} characters
      </button>
    </span>
  );
}
