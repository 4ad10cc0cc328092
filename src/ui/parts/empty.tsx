import type { ComponentChildren } from "preact";
import { CopyButton } from "./copy";

/** An empty state with a command that fills it. */
export function Empty(props: { title: string; children?: ComponentChildren; command?: string }) {
  return (
    <div class="empty">
      <p class="strong">{props.title}</p>
      {props.children && <p class="muted">{props.children}</p>}
      {props.command && (
        <div class="cmd">
          <code>{props.command}</code>
          <CopyButton text={props.command} label="Copy the command">
            Copy
          </CopyButton>
        </div>
      )}
    </div>
  );
}

/** A failed load, with a button to try again. */
export function Failure(props: { error: string; onRetry(): void }) {
  if (!props.error) return null;
  return (
    <div class="note bad actions" role="alert">
      <span>{props.error}</span>
      <button type="button" class="btn small" onClick={props.onRetry}>
        Try again
      </button>
    </div>
  );
}

export function Busy(props: { what?: string }) {
  return (
    <div role="status">
      <div class="busy-line" />
      <span class="sr-only">Loading {props.what ?? ""}</span>
    </div>
  );
}
