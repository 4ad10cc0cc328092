import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { TaskSummary } from "../../../client/types";
import { may } from "../../api/session";
import { TaskList } from "../../api/task-list";
import { useTaskList } from "../../api/use";
import { isTyping } from "../../app/keys";
import { href, type PageProps } from "../../app/router";
import { settings } from "../../app/settings";
import { Busy, Empty, Failure } from "../../parts/empty";
import { PageHead } from "../../parts/page";
import { Table } from "../../parts/table";
import { Bulk } from "./bulk";
import type { BulkAction } from "./bulk-work";
import { describe, TaskFilters, taskQuery } from "./filters";
import { TaskRow } from "./row";
import { ShowNew } from "./show-new";

/** All tasks, newest first, filtered by the address. */
export function TasksPage(props: PageProps) {
  const key = props.query.toString();
  const query = useMemo(() => taskQuery(props.query), [key]);
  const list = useMemo(() => new TaskList(query, 50), [key]);
  const [bulk, setBulk] = useState<{ action: BulkAction; chosen: TaskSummary[] | null } | null>(null);
  useTaskList(list);
  const items = list.items.value;
  const picks = usePicks(list, items);
  useRowKeys(picks.pick);
  const filter = describe(props.query);
  const ask = (action: BulkAction) => setBulk({ action, chosen: picks.chosen.length > 0 ? picks.chosen : null });

  return (
    <>
      <PageHead title="Tasks" sub={filter ? `Showing tasks ${filter}` : undefined}>
        <a class="btn" href={href(["matrix"], Object.fromEntries(props.query))}>
          As matrix
        </a>
        {may("operate") && <BulkButtons shown={items.length} chosen={picks.chosen.length} onBulk={ask} />}
      </PageHead>
      <div class="stack">
        <TaskFilters query={props.query} />
        <Failure
          error={list.error.value}
          onRetry={() => (list.loaded.value && items.length > 0 ? list.refresh() : list.start())}
        />
        <ShowNew list={list} />
        {!list.loaded.value ? (
          <Busy what="tasks" />
        ) : items.length === 0 ? (
          <div class="card">
            <NoTasks filtered={filter !== ""} />
          </div>
        ) : (
          <>
            <TaskTable list={list} picks={picks} />
            <Rest list={list} />
          </>
        )}
      </div>
      {bulk && (
        <Bulk
          {...bulk}
          query={query}
          filter={filter}
          onClose={(done) => {
            setBulk(null);
            if (done) list.refreshNow();
          }}
        />
      )}
    </>
  );
}

interface Picks {
  chosen: TaskSummary[];
  has(task: TaskSummary): boolean;
  /** Selects or deselects the row; `range`: with all rows since the last one. */
  pick(index: number, range: boolean): void;
  all(): void;
}

function usePicks(list: TaskList, items: readonly TaskSummary[]): Picks {
  const [picked, setPicked] = useState<ReadonlySet<string>>(new Set());
  const last = useRef(-1);
  useEffect(() => setPicked(new Set()), [list]);
  const chosen = items.filter((task) => picked.has(task.id));
  return {
    chosen,
    has: (task) => picked.has(task.id),
    pick(index, range) {
      const next = new Set(picked);
      const from = range && last.current >= 0 ? Math.min(last.current, index) : index;
      const to = range && last.current >= 0 ? Math.max(last.current, index) : index;
      const on = !picked.has(items[index]!.id);
      for (const task of items.slice(from, to + 1)) on ? next.add(task.id) : next.delete(task.id);
      last.current = index;
      setPicked(next);
    },
    all: () => setPicked(chosen.length === items.length ? new Set() : new Set(items.map((task) => task.id))),
  };
}

function BulkButtons(props: { shown: number; chosen: number; onBulk(action: BulkAction): void }) {
  const what = props.chosen > 0 ? `${props.chosen} selected` : "all that match";
  const disabled = props.shown === 0;
  return (
    <>
      <button type="button" class="btn" disabled={disabled} onClick={() => props.onBulk("retry")}>
        Retry {what}
      </button>
      <button type="button" class="btn danger" disabled={disabled} onClick={() => props.onBulk("cancel")}>
        Cancel {what}
      </button>
    </>
  );
}

function TaskTable(props: { list: TaskList; picks: Picks }) {
  const { list, picks } = props;
  const items = list.items.value;
  const operate = may("operate");
  const selectAll = operate && (
    <input
      type="checkbox"
      aria-label="Select all that are loaded"
      checked={picks.chosen.length > 0 && picks.chosen.length === items.length}
      onChange={() => picks.all()}
    />
  );
  const took = settings.value.times === "relative" ? "Took" : "Duration";
  return (
    <div class="card" onPointerEnter={() => list.hold(true)} onPointerLeave={() => list.hold(false)}>
      <Table
        label="Tasks"
        busy={list.busy.value}
        columns={[selectAll, "Task", "Type", "Status", "Answered", "Created", took]}
      >
        {items.map((task, index) => (
          <TaskRow
            key={task.id}
            task={task}
            picked={picks.has(task)}
            onPick={operate ? (range) => picks.pick(index, range) : null}
          />
        ))}
      </Table>
    </div>
  );
}

function Rest(props: { list: TaskList }) {
  const { list } = props;
  return (
    <div class="actions">
      {list.next.value && (
        <button type="button" class="btn" disabled={list.busy.value} onClick={() => list.more()}>
          Load more
        </button>
      )}
      <span class="muted small" role="status">
        {list.items.value.length} shown{list.next.value ? ", there are more" : ", that is all"}
      </span>
    </div>
  );
}

function NoTasks(props: { filtered: boolean }) {
  if (props.filtered)
    return (
      <Empty title="No task matches these filters.">Clear a filter, or wait: new ones appear here by themselves.</Empty>
    );
  return (
    <Empty title="No task yet." command={`npx tasker submit noop --payload '{"foo":"bar"}' --wait`}>
      Send the first one from a terminal, or with the form of a <a href="#/types">type</a>.
    </Empty>
  );
}

/** j and k go from row to row, x selects the one with the focus. */
function useRowKeys(pick: (index: number, range: boolean) => void): void {
  const current = useRef(pick);
  current.current = pick;
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (
        !settings.peek().shortcuts ||
        (isTyping(event.target) && !(event.target as HTMLInputElement).matches("[type=checkbox]"))
      )
        return;
      if (!/^[jkx]$/.test(event.key) || event.ctrlKey || event.metaKey || document.querySelector("dialog[open]"))
        return;
      const links = [...document.querySelectorAll<HTMLElement>("[data-row-link]")];
      const at = links.findIndex((link) => link.closest("tr")?.contains(document.activeElement));
      if (event.key === "x") {
        if (at >= 0) current.current(at, false);
      } else links[Math.max(0, Math.min(links.length - 1, at + (event.key === "j" ? 1 : -1)))]?.focus();
    };
    document.addEventListener("keydown", press);
    return () => document.removeEventListener("keydown", press);
  }, []);
}
