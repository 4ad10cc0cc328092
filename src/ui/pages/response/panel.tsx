import { useEffect, useRef } from "preact/hooks";
import { href } from "../../app/router";
import { Text } from "../../parts/text";
import { type ResponseRef, ResponseView } from "./view";

/** The response beside the matrix; Escape leads back into the grid. */
export function ResponsePanel(props: ResponseRef & { identifier: string; onClose(): void }) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus(), []);
  return (
    <aside
      class="card panel"
      aria-label={`Response of ${props.endpoint}`}
      onKeyDown={(event) => event.key === "Escape" && props.onClose()}
    >
      <div class="card-head">
        <h2 ref={heading} tabIndex={-1}>
          <Text value={props.identifier} most={60} /> <span class="muted">at</span>{" "}
          {props.endpoint === "*" ? "any one" : props.endpoint}
        </h2>
        <div class="actions">
          <a class="btn small" href={href(["tasks", props.type, props.id, "responses", props.endpoint])}>
            Open
          </a>
          <button type="button" class="btn small" onClick={props.onClose}>
            Close
          </button>
        </div>
      </div>
      <div class="panel-body">
        <ResponseView type={props.type} id={props.id} endpoint={props.endpoint} />
      </div>
    </aside>
  );
}
