import { useState } from "preact/hooks";
import type { Endpoint } from "../../../client/types";
import { removeEndpoint } from "../../api/calls";
import { messageOf } from "../../api/http";
import { may, session } from "../../api/session";
import { Dialog } from "../../app/dialog";
import { go, href } from "../../app/router";
import { toast } from "../../app/toasts";
import { owes } from "./owes";

/** Removes the endpoint, after a confirmation, since cancelled work does not return. */
export function RemoveEndpoint(props: { endpoint: Endpoint }) {
  const { endpoint } = props;
  const [asking, setAsking] = useState(false);
  if (!may("admin") || session.value?.types) return null;
  const remove = async () => {
    setAsking(false);
    // Away first: this page would ask for an endpoint that is no more.
    go(href(["endpoints"]));
    try {
      const { ended } = await removeEndpoint(endpoint.name);
      const count = Object.values(ended).reduce((sum, one) => sum + one, 0);
      toast(`${endpoint.name} is removed; ${answers(count)} cancelled.`);
    } catch (error) {
      toast(messageOf(error), true);
    }
  };
  return (
    <>
      <button type="button" class="btn danger" onClick={() => setAsking(true)}>
        Remove …
      </button>
      {asking && <Confirm endpoint={endpoint} onRemove={() => void remove()} onClose={() => setAsking(false)} />}
    </>
  );
}

function Confirm(props: { endpoint: Endpoint; onRemove(): void; onClose(): void }) {
  const { endpoint } = props;
  return (
    <Dialog title={`Remove ${endpoint.name}?`} onClose={props.onClose}>
      <div class="stack bulk">
        <p>
          Nothing is expected of it any more, and {answers(owes(endpoint))} cancelled for good. Its queues are deleted.
          A later machine of that name inherits nothing.
        </p>
        {endpoint.alive && (
          <p class="warn-text strong">
            A manager of it is alive: its running attempts are stopped. Stop the manager first.
          </p>
        )}
        {session.value?.run_mode === "production" && <p class="warn-text strong">This is production.</p>}
        <div class="actions">
          <button type="button" class="btn danger" onClick={props.onRemove}>
            Remove the endpoint
          </button>
          <button type="button" class="btn" onClick={props.onClose}>
            Leave it
          </button>
        </div>
      </div>
    </Dialog>
  );
}

function answers(count: number): string {
  return count === 1 ? "the answer that it owes is" : `the ${count} answers that it owes are`;
}
