import { useState } from "preact/hooks";
import type { RetryRequest, Task } from "../../../client/types";
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
import { between, duration, Time } from "../../parts/time";
import { asCommand, asCurl } from "./as-text";
import { ConfirmCancel } from "./confirm-cancel";
import { EndpointTable } from "./endpoint-table";
import { Logs } from "./logs";
import { Results } from "./results";
import { Timeline } from "./timeline";

/** A task with more than a hundred responses carries only some: then all are read, page by page. */
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
  const { completeness: c } = task;

  const act = async (work: () => Promise<string>) => {
    try {
      toast(await work());
      setChosen(new Set());
      props.reload();
    } catch (error) {
      toast(messageOf(error), true);
    }
  };
  const retry = (choose: RetryRequest) =>
    act(async () => {
      const { reopened } = await retryTask(task.type, task.id, choose);
      return reopened.length === 0 ? "There was nothing to retry." : `${reopened.length} opened again.`;
    });
  const cancel = () => {
    setCancelling(false);
    void act(async () => {
      const { outcomes } = await cancelTask(task.type, task.id);
      const count = (word: string) => outcomes.filter((one) => one.outcome === word).length;
      return `${count("withdrawn")} withdrawn, ${count("stopping")} told to stop, ${count("finished")} had finished.`;
    });
  };

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
          <div class="head-line">
            <Badge state={task.status} />
            <Progress task={task} />
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
                <span class="muted">took</span> {duration(between(task.created_at, task.finished_at) ?? 0)}
              </span>
            )}
          </div>
          {c.missing.length > 0 && (
            <p class={task.status === "incomplete" || task.status === "failed" ? "warn-text" : "muted"} data-missing>
              {task.status === "incomplete"
                ? "Missing, did not receive it in time: "
                : task.status === "failed"
                  ? "Never received it: "
                  : "Not received yet: "}
              {c.missing.slice(0, 20).map((name, i) => (
                <>
                  {i > 0 && ", "}
                  {name === "*" ? "any one endpoint" : <a href={href(["endpoints", name])}>{name}</a>}
                </>
              ))}
              {c.missing.length > 20 && ` and ${c.missing.length - 20} more`}
            </p>
          )}
          {may("operate") && (c.failed > 0 || c.missing.length > 0 || !c.complete || chosen.size > 0) && (
            <div class="actions">
              {c.failed > 0 && (
                <button type="button" class="btn small" onClick={() => retry({ statuses: ["failed"] })}>
                  Retry {c.failed} failed
                </button>
              )}
              {c.missing.length > 0 && (
                <button type="button" class="btn small" onClick={() => retry({ statuses: ["missed", "expected"] })}>
                  Retry {c.missing.length} missing
                </button>
              )}
              {chosen.size > 0 && (
                <button type="button" class="btn small primary" onClick={() => retry({ endpoints: [...chosen] })}>
                  Retry {chosen.size} chosen
                </button>
              )}
              {!c.complete && (
                <button type="button" class="btn small danger" onClick={() => setCancelling(true)}>
                  Cancel
                </button>
              )}
            </div>
          )}
        </div>
        <div class="card">
          <Tabs
            value={props.tab}
            onChange={(tab) => setQuery({ tab: tab === "endpoints" ? null : tab })}
            tabs={[
              ["endpoints", `Endpoints (${c.expected})`],
              ["payload", "Payload"],
              ["results", "Results"],
              ["log", "Log"],
              ["timeline", "Timeline"],
            ]}
          />
          <div
            class={`tab-panel ${props.tab === "endpoints" ? "flush" : ""}`}
            role="tabpanel"
            id="tab-panel"
            aria-labelledby={`tab-${props.tab}`}
          >
            {props.tab === "endpoints" && (
              <EndpointTable task={task} chosen={chosen} onChoose={may("operate") ? setChosen : null} />
            )}
            {props.tab === "payload" &&
              (task.payload && Object.keys(task.payload).length > 0 ? (
                <JsonTree value={task.payload} />
              ) : (
                <Empty title="It was sent without a payload." />
              ))}
            {props.tab === "results" && <Results responses={task.responses} />}
            {props.tab === "log" && <Logs task={task} />}
            {props.tab === "timeline" && <Timeline task={task} />}
          </div>
        </div>
      </div>
      {cancelling && <ConfirmCancel task={task} onCancel={cancel} onClose={() => setCancelling(false)} />}
    </>
  );
}
