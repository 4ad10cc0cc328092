import type { TaskList } from "../../api/task-list";

/** New tasks are counted while the list is held, and shown on request. */
export function ShowNew(props: { list: TaskList; small?: boolean }) {
  const { list } = props;
  const count = list.waiting.value;
  if (count === 0) return null;
  return (
    <button type="button" class={props.small ? "btn small" : "btn"} onClick={() => list.refreshNow()}>
      Show {count}
      {count >= 50 ? " or more" : ""} new
    </button>
  );
}
