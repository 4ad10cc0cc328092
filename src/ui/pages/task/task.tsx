import { useState } from "preact/hooks";
import type { JsonObject, RetryRequest, Task } from "../../../client/types";
import { allResponses, cancelTask, readTask, retryTask } from "../../api/calls";
import { messageOf } from "../../api/http";
import { may } from "../../api/session";
import { useLoad } from "../../api/use";
import { href, type PageProps, setQuery } from "../../app/router";
import { toast } from "../../app/toasts";
import { Progress } from "../../parts/bar";
import { CopyButton } from "../../parts/copy";
import { Busy, Empty, Failure } from "../../parts/empty";
import { JsonTree } from "../../parts/json";
import { PageHead, Tabs } from "../../parts/page";
import { Badge } from "../../parts/status";
import { Text } from "../../parts/text";
import { duration, Time, took } from "../../parts/time";
import { asCommand, asCurl } from "./as-text";
import { ConfirmCancel } from "./confirm-cancel";
import { EndpointTable } from "./endpoint-table";
import { Logs } from "./logs";
import { Results } from "./results";
import { Timeline } from "./timeline";

const responses = (count: number) => `${count} ${count === 1 ? "response" : "responses"}`;

/** A task with more than 100 responses carries only some; then all are read, page by page. */
async function readWhole(type: string, id: string, signal: AbortSignal): Promise<Task> {
  const task = await readTask(type, id, signal);
  if (!task.responses_link) return task;
  return { ...task, responses: await allResponses(type, id, signal) };
}

export function TaskPage(props: PageProps) {
  const [, type = "", id = ""] = props.parts;
  const loaded = useLoad(id, (signal) => readWhole(type, id, signal), {
    matches: (change) => change.task_id === id,
    everyMs: 5000,
  });
  const task = loaded.data;
  if (!task) {
    return (
      <>
        <PageHead title={`Task ${id}`} />
        {loaded.error ? <Failure error={loaded.error} onRetry={loaded.reload} /> : <Busy what="the task" />}
      </>
    );
  }
  return <Loaded task={task} error={loaded.error} reload={loaded.reload} tab={props.query.get("tab") ?? "endpoints"} />;
}

function Loaded(props: { task: Task; error: string; reload(): void; tab: string }) {
  const { task } = props;
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const [cancelling, setCancelling] = useState(false);
  const { retry, cancel } = actionsOn(task, () => {
    setChosen(new Set());
    props.reload();
  });

  return (
    <>
      <PageHead
        title={`Task ${task.identifier.slice(0, 60)}`}
        shown={<Text value={task.identifier} most={190} />}
        sub={
          <>
            <a href={href(["types", task.type])}>{task.type}</a> · <span class="mono small">{task.id}</span>
          </>
        }
      >
        <CopyButton text={asCurl(task)} small={false}>
          Copy as curl
        </CopyButton>
        <CopyButton text={asCommand(task)} small={false}>
          Copy as command
        </CopyButton>
      </PageHead>
      <div class="stack">
        <Failure error={props.error} onRetry={props.reload} />
        <div class="card pad stack">
          <Facts task={task} />
          <Missing task={task} />
          {may("operate") && (
            <Actions task={task} chosen={chosen} onRetry={retry} onCancel={() => setCancelling(true)} />
          )}
        </div>
        <Parts task={task} tab={props.tab} chosen={chosen} onChoose={may("operate") ? setChosen : null} />
      </div>
      {cancelling && (
        <ConfirmCancel
          task={task}
          onCancel={() => {
            setCancelling(false);
            cancel();
          }}
          onClose={() => setCancelling(false)}
        />
      )}
    </>
  );
}

/** A toast shows the outcome of an action. */
function actionsOn(task: Task, onDone: () => void) {
  const act = async (work: () => Promise<string>) => {
    try {
      toast(await work());
      onDone();
    } catch (error) {
      toast(messageOf(error), true);
    }
  };
  const retry = (choose: RetryRequest) =>
    act(async () => {
      const { reopened } = await retryTask(task.type, task.id, choose);
      return reopened.length === 0 ? "There was nothing to retry." : `${responses(reopened.length)} opened again.`;
    });
  const cancel = () =>
    act(async () => {
      const { outcomes } = await cancelTask(task.type, task.id);
      const count = (word: string) => outcomes.filter((one) => one.outcome === word).length;
      return `${responses(outcomes.length)}: ${count("withdrawn")} withdrawn, ${count("stopping")} told to stop, ${count("finished")} had finished.`;
    });
  return { retry, cancel };
}

function Facts(props: { task: Task }) {
  const { task } = props;
  return (
    <div class="head-line">
      <Badge state={task.status} />
      <span class="muted">answered</span> <Progress task={task} />
      <span>
        <span class="muted">created</span> <Time at={task.created_at} />
      </span>
      {task.status === "scheduled" && (
        <span>
          <span class="muted">begins</span> <Time at={task.delay_until} />
        </span>
      )}
      {task.finished_at && (
        <span>
          <span class="muted">took</span> {duration(took(task) ?? 0)}
        </span>
      )}
    </div>
  );
}

function Missing(props: { task: Task }) {
  const { status, completeness } = props.task;
  const { missing } = completeness;
  if (missing.length === 0) return null;
  return (
    <p class={status === "incomplete" || status === "failed" ? "warn-text" : "muted"} data-missing>
      {status === "incomplete"
        ? "Missing, did not receive it in time: "
        : status === "failed"
          ? "Never received it: "
          : "Not received yet: "}
      {missing.slice(0, 20).map((name, i) => (
        <>
          {i > 0 && ", "}
          {name === "*" ? "any one endpoint" : <a href={href(["endpoints", name])}>{name}</a>}
        </>
      ))}
      {missing.length > 20 && ` and ${missing.length - 20} more`}
    </p>
  );
}

function Actions(props: {
  task: Task;
  chosen: ReadonlySet<string>;
  onRetry(choose: RetryRequest): void;
  onCancel(): void;
}) {
  const { chosen, onRetry } = props;
  const { complete } = props.task.completeness;
  const has = (...statuses: string[]) => props.task.responses.filter(({ status }) => statuses.includes(status)).length;
  const [failed, unreceived] = [has("failed"), has("missed", "expected")];
  if (failed === 0 && unreceived === 0 && complete && chosen.size === 0) return null;
  return (
    <div class="actions">
      {failed > 0 && (
        <button type="button" class="btn small" onClick={() => onRetry({ statuses: ["failed"] })}>
          Retry {failed} failed
        </button>
      )}
      {unreceived > 0 && (
        <button type="button" class="btn small" onClick={() => onRetry({ statuses: ["missed", "expected"] })}>
          Retry {unreceived} not received
        </button>
      )}
      {chosen.size > 0 && (
        <button type="button" class="btn small primary" onClick={() => onRetry({ endpoints: [...chosen] })}>
          Retry {chosen.size} chosen {chosen.size === 1 ? "endpoint" : "endpoints"}
        </button>
      )}
      {!complete && (
        <button type="button" class="btn small danger" onClick={props.onCancel}>
          Cancel
        </button>
      )}
    </div>
  );
}

/** Its endpoints, payload, results, logs and timeline, one at a time. */
function Parts(props: {
  task: Task;
  tab: string;
  chosen: ReadonlySet<string>;
  onChoose: ((chosen: ReadonlySet<string>) => void) | null;
}) {
  const { task, tab } = props;
  return (
    <div class="card">
      <Tabs
        value={tab}
        onChange={(next) => setQuery({ tab: next === "endpoints" ? null : next })}
        tabs={[
          ["endpoints", `Endpoints (${task.completeness.expected})`],
          ["payload", "Payload"],
          ["results", "Results"],
          ["log", "Log"],
          ["timeline", "Timeline"],
        ]}
      />
      <div
        class={`tab-panel ${tab === "endpoints" ? "flush" : ""}`}
        role="tabpanel"
        id="tab-panel"
        aria-labelledby={`tab-${tab}`}
      >
        {tab === "endpoints" && <EndpointTable task={task} chosen={props.chosen} onChoose={props.onChoose} />}
        {tab === "payload" && <Payload value={task.payload} />}
        {tab === "results" && <Results responses={task.responses} />}
        {tab === "log" && <Logs task={task} />}
        {tab === "timeline" && <Timeline task={task} />}
      </div>
    </div>
  );
}

function Payload(props: { value: JsonObject }) {
  if (Object.keys(props.value).length === 0) return <Empty title="It was sent without a payload." />;
  return <JsonTree value={props.value} />;
}
