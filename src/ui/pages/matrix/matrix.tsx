import { useSignal, useSignalEffect } from "@preact/signals";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { TaskList } from "../../api/task-list";
import { useTaskList } from "../../api/use";
import { href, type PageProps, setQuery } from "../../app/router";
import { Busy, Empty, Failure } from "../../parts/empty";
import { PageHead } from "../../parts/page";
import { CELL_STATES, type CellState } from "../../parts/status";
import { ResponsePanel } from "../response/panel";
import { describe, TaskFilters, taskQuery } from "../tasks/filters";
import { ShowNew } from "../tasks/show-new";
import { Card } from "./cross";
import { Grid } from "./grid";
import { Legend } from "./legend";
import { ANYONE, countOf, MatrixModel, problemsOf, type Row } from "./model";
import type { Place } from "./place";

/** Tasks as rows, endpoints as columns. */
export function MatrixPage(props: PageProps) {
  const filters = new URLSearchParams(
    [...props.query].filter(([name]) => !["only", "problems", "columns"].includes(name)),
  );
  const { list, model } = useMatrix(filters);
  const at = useSignal<Place | null>(null);
  const [open, setOpen] = useState<{ type: string; id: string; endpoint: string; identifier: string } | null>(null);
  const grid = useRef<HTMLElement | null>(null);

  useEffect(() => setOpen(null), [list]);

  const onlyText = props.query.get("only");
  const only = CELL_STATES.includes(onlyText as CellState) ? (onlyText as CellState) : null;
  const problemRows = props.query.get("problems") === "1";
  const problemColumns = props.query.get("columns") === "problems";
  // Which rows have problems changes with the counts; without such a filter the counts are nobody's
  // business here.
  if (only || problemRows || problemColumns) model.counted.value;
  const rows = model.rows.value.filter(
    (row) => (!only || countOf(row.counts, only) > 0) && (!problemRows || problemsOf(row.counts) > 0),
  );
  const columns = model.columns.value.filter((name) => !problemColumns || problemsOf(model.byColumn.get(name)!) > 0);

  const named = columns.filter((name) => name !== ANYONE).length;

  const close = () => {
    setOpen(null);
    grid.current?.querySelector<HTMLElement>("[role=grid]")?.focus();
  };
  const filter = describe(filters);

  return (
    <>
      <MatrixHead filters={filters} problemRows={problemRows} problemColumns={problemColumns} />
      <details class="mx-filters" open={filter !== ""}>
        <summary>Filters</summary>
        <TaskFilters query={props.query} />
      </details>
      <Legend model={model} only={only} onOnly={(state) => setQuery({ only: state })} />
      <Failure error={list.error.value} onRetry={() => (list.items.value.length > 0 ? list.refresh() : list.start())} />
      <ShowNew list={list} small />
      {!list.loaded.value ? (
        <Busy what="the matrix" />
      ) : model.rows.value.length === 0 ? (
        <NoTasks filtered={filter !== ""} />
      ) : (
        <div class="mx-with-panel">
          <section class="card mx-box" aria-label="Matrix" ref={grid}>
            {rows.length === 0 ? (
              <NoneLikeThat list={list} loaded={model.rows.value.length} />
            ) : (
              <Grid
                model={model}
                rows={rows}
                columns={columns}
                only={only}
                at={at}
                complete={list.next.value === null}
                onOpen={(row: Row, endpoint) =>
                  setOpen({ type: row.task.type, id: row.id, endpoint, identifier: row.task.identifier })
                }
                onNearEnd={() => void list.more()}
                onHold={(held) => list.hold(held)}
              />
            )}
            <Card at={at} rows={rows} columns={columns} />
            <p class="mx-count muted small" role="status">
              {rows.length === model.rows.value.length
                ? `${rows.length} ${rows.length === 1 ? "task" : "tasks"}`
                : `${rows.length} of ${model.rows.value.length} tasks`}
              {list.next.value ? " loaded; scroll for more" : ""}, {named} {named === 1 ? "endpoint" : "endpoints"}
            </p>
          </section>
          {open && <ResponsePanel key={`${open.id}/${open.endpoint}`} {...open} onClose={close} />}
        </div>
      )}
    </>
  );
}

/** The list of tasks and its model, for as long as the filters stay. */
function useMatrix(filters: URLSearchParams) {
  const key = filters.toString();
  const list = useMemo(() => new TaskList({ ...taskQuery(filters), include: "responses" }, 50, 4000), [key]);
  const model = useMemo(() => new MatrixModel(), [key]);
  useTaskList(list, (changes) => model.onChanges(changes));
  useSignalEffect(() => model.show(list.items.value));
  return { list, model };
}

function MatrixHead(props: { filters: URLSearchParams; problemRows: boolean; problemColumns: boolean }) {
  const { filters } = props;
  const filter = describe(filters);
  const toggle = (name: string, value: string, on: boolean) => setQuery({ [name]: on ? value : null });
  return (
    <PageHead title="Matrix" sub={filter ? `Tasks ${filter}` : "Tasks down, endpoints across"}>
      <label>
        <input
          type="checkbox"
          checked={props.problemRows}
          onChange={(event) => toggle("problems", "1", event.currentTarget.checked)}
        />{" "}
        Only tasks with problems
      </label>
      <label>
        <input
          type="checkbox"
          checked={props.problemColumns}
          onChange={(event) => toggle("columns", "problems", event.currentTarget.checked)}
        />{" "}
        Only endpoints with problems
      </label>
      <a class="btn" href={href(["tasks"], Object.fromEntries(filters))}>
        As list
      </a>
    </PageHead>
  );
}

function NoTasks(props: { filtered: boolean }) {
  return (
    <div class="card">
      {props.filtered ? (
        <Empty title="No task matches these filters." />
      ) : (
        <Empty title="No task yet." command={`npx tasker submit noop --payload '{"foo":"bar"}' --wait`}>
          Each task becomes a row, each endpoint a column.
        </Empty>
      )}
    </div>
  );
}

function NoneLikeThat(props: { list: TaskList; loaded: number }) {
  const { list } = props;
  return (
    <Empty title={`None of the ${props.loaded} loaded tasks is like that.`}>
      {list.next.value && (
        <button type="button" class="btn" onClick={() => list.more()} disabled={list.busy.value}>
          Load more tasks
        </button>
      )}
    </Empty>
  );
}
