import type { Task } from "../../../client/types";
import { session } from "../../api/session";
import { Dialog } from "../../app/dialog";
import { Text } from "../../parts/text";

export function ConfirmCancel(props: { task: Task; onCancel(): void; onClose(): void }) {
  const { completeness: c, type, identifier } = props.task;
  const open = c.expected - c.succeeded - c.failed - c.cancelled;
  return (
    <Dialog title="Cancel this task?" onClose={props.onClose}>
      <div class="stack bulk">
        <p>
          <Text value={identifier} most={120} /> ({type}): {open} of {c.expected}{" "}
          {c.expected === 1 ? "response is" : "responses are"} open. What waits is withdrawn, {c.running} under way
          {c.running === 1 ? " is" : " are"} told to stop. What has finished stays as it is.
        </p>
        {session.value?.run_mode === "production" && <p class="warn-text strong">This is production.</p>}
        <div class="actions">
          <button type="button" class="btn danger" onClick={props.onCancel}>
            Cancel the task
          </button>
          <button type="button" class="btn" onClick={props.onClose}>
            Leave it
          </button>
        </div>
      </div>
    </Dialog>
  );
}
