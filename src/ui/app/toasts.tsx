import { signal } from "@preact/signals";
import { Text } from "../parts/text";

interface Toast {
  id: number;
  text: string;
  bad: boolean;
}

const toasts = signal<Toast[]>([]);
let last = 0;

/** Shows the outcome of an action. Failures stay until they are closed. */
export function toast(text: string, bad = false): void {
  const id = ++last;
  toasts.value = [...toasts.peek().slice(-3), { id, text, bad }];
  if (!bad) setTimeout(() => close(id), 8000);
}

function close(id: number): void {
  toasts.value = toasts.peek().filter((entry) => entry.id !== id);
}

export function Toasts() {
  return (
    <div class="toasts" role="status" aria-live="polite">
      {toasts.value.map((entry) => (
        <div key={entry.id} class={`toast ${entry.bad ? "bad" : ""}`}>
          <Text value={entry.text} />
          <button type="button" class="btn small ghost" onClick={() => close(entry.id)} aria-label="Close this message">
            ✕
          </button>
        </div>
      ))}
    </div>
  );
}
