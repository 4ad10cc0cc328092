import type { Endpoint } from "../../../client/types";
import { Time } from "../../parts/time";

export function Alive(props: { endpoint: Endpoint }) {
  const { alive, last_seen_at } = props.endpoint;
  if (alive) {
    return (
      <span class="alive">
        <i /> alive
      </span>
    );
  }
  if (!last_seen_at) {
    return (
      <span class="alive never warn-text">
        <i /> never seen
      </span>
    );
  }
  return (
    <span class="alive silent">
      <i /> silent, seen <Time at={last_seen_at} />
    </span>
  );
}
