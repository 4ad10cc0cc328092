import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { TaskSummary } from "../../../client/types";
import { follow } from "../../api/live";
import { may } from "../../api/session";
import { TaskList } from "../../api/task-list";
import { isTyping } from "../../app/keys";
import { href, type PageProps } from "../../app/router";
import { settings } from "../../app/settings";
import { Busy, Empty, Failure } from "../../parts/empty";
import { PageHead } from "../../parts/page";
import { Bulk, type BulkAction } from "./bulk";
import { describe, TaskFilters, taskQuery } from "./filters";
import { TaskRow } from "./row";

/** All tasks, newest first, filtered by what stands in the address. */
export function TasksPage(props: PageProps) {
  const key = props.query.toString();
  const query = useMemo(() => taskQuery(props.query), [key]);
  const list = useMemo(() => new TaskList(query, 50), [key]);
  const [picked, setPicked] = useState<ReadonlySet<string>>(new Set());
  const [bulk, setBulk] = useState<{ action: BulkAction; chosen: TaskSummary[] | null } | null>(null);
  const lastPick = useRef(-1);

  useEffect(() => {
    setPicked(new Set());
    void list.start();
    const leave = follow({ onChanges: (changes) => list.onChanges(changes), onResume: () => list.refresh() });
    // A deadline that passes is no event: `incomplete` comes with time alone.
    const timer = setInterval(() => list.items.peek().some((task) => !task.settled) && list.refresh(), 5000);
    return () => {
      leave();
      clearInterval(timer);
      list.stop();
    };
  }, [list]);

  const items = list.items.value;
  const pick = (index: number, range: boolean) => {
    const next = new Set(picked);
    const from = range && lastPick.current >= 0 ? Math.min(lastPick.current, index) : index;
    const to = range && lastPick.current >= 0 ? Math.max(lastPick.current, index) : index;
    const on = !picked.has(items[index]!.id);
    for (const task of items.slice(from, to + 1)) on ? next.add(task.id) : next.delete(task.id);
    lastPick.current = index;
    setPicked(next);
  };
  useRowKeys(pick);
  const operate = may("operate");
  const chosen = items.filter((task) => picked.has(task.id));
  const filter = describe(props.query);

  return (
    <>
      <PageHead title="Tasks" sub={filter ? `Showing tasks ${filter}` : undefined}>
        <a class="btn" href={href(["matrix"], Object.fromEntries(props.query))}>
          As matrix
        </a>
        {operate && (
          <>
            <button
              type="button"
              class="btn"
              disabled={items.length === 0}
              onClick={() => setBulk({ action: "retry", chosen: chosen.length > 0 ? chosen : null })}
            >
              {chosen.length > 0 ? `Retry ${chosen.length} selected` : "Retry all that match"}
            </button>
            <button
              type="button"
              class="btn danger"
              disabled={items.length === 0}
              onClick={() => setBulk({ action: "cancel", chosen: chosen.length > 0 ? chosen : null })}
            >
              {chosen.length > 0 ? `Cancel ${chosen.length} selected` : "Cancel all that match"}
            </button>
          </>
        )}
      </PageHead>
      <div class="stack">
        <TaskFilters query={props.query} />
        <Failure
          error={list.error.value}
          onRetry={() => (list.loaded.value && items.length > 0 ? list.refresh() : list.start())}
        />
        {list.waiting.value > 0 && (
          <button type="button" class="btn" onClick={() => list.refreshNow()}>
            Show {list.waiting.value}
            {list.waiting.value >= 50 ? " or more" : ""} new
          </button>
        )}
        {!list.loaded.value ? (
          <Busy what="tasks" />
        ) : items.length === 0 ? (
          <div class="card">
            <NoTasks filtered={filter !== ""} />
          </div>
        ) : (
          <div class="card" onPointerEnter={() => list.hold(true)} onPointerLeave={() => list.hold(false)}>
            <div class="table-wrap">
              <table class="cards" aria-label="Tasks" aria-busy={list.busy.value}>
                <thead>
                  <tr>
                    {operate && (
                      <th scope="col">
                        <input
                          type="checkbox"
                          aria-label="Select all that are loaded"
                          checked={chosen.length > 0 && chosen.length === items.length}
                          onChange={() =>
                            setPicked(
                              chosen.length === items.length ? new Set() : new Set(items.map((task) => task.id)),
                            )
                          }
                        />
                      </th>
                    )}
                    <th scope="col">Task</th>
                    <th scope="col">Type</th>
                    <th scope="col">Status</th>
                    <th scope="col">Answered</th>
                    <th scope="col">Created</th>
                    <th scope="col">{settings.value.times === "relative" ? "Took" : "Duration"}</th>
                  </tr>
                </thead>
                <tbody>
                  {items.map((task, index) => (
                    <TaskRow
                      key={task.id}
                      task={task}
                      picked={picked.has(task.id)}
                      onPick={operate ? (range) => pick(index, range) : null}
                    />
                  ))}
                </tbody>
              </table>
            </div>
          </div>
        )}
        {list.loaded.value && items.length > 0 && (
          <div class="actions">
            {list.next.value ? (
              <button type="button" class="btn" disabled={list.busy.value} onClick={() => list.more()}>
                Load more
              </button>
            ) : null}
            <span class="muted small" role="status">
              {items.length} shown{list.next.value ? ", there are more" : ", that is all"}
            </span>
          </div>
        )}
      </div>
      {bulk && (
        <Bulk
          action={bulk.action}
          chosen={bulk.chosen}
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
