import { useState } from "preact/hooks";
import type { Attempt, Json, TaskResponseDetail } from "../../../client/types";
import { writeExact } from "../../../model/json/exact-json";
import { readResponse, retryTask } from "../../api/calls";
import { messageOf } from "../../api/http";
import { may } from "../../api/session";
import { useLoad } from "../../api/use";
import { toast } from "../../app/toasts";
import { CopyButton } from "../../parts/copy";
import { Busy, Failure } from "../../parts/empty";
import { JsonTree } from "../../parts/json";
import { Badge } from "../../parts/status";
import { Block, Text } from "../../parts/text";
import { between, duration, Time } from "../../parts/time";
import { Log } from "./log";

export interface ResponseRef {
  type: string;
  id: string;
  endpoint: string;
}

const isOpen = (status: string) => /^(expected|received|running|retrying)$/.test(status);

/** One response in full, in the side panel and on its own page. */
export function ResponseView(props: ResponseRef) {
  const { type, id, endpoint } = props;
  const loaded = useLoad(`${id}/${endpoint}`, (signal) => readResponse(type, id, endpoint, signal), {
    matches: (change) => change.task_id === id && (change.endpoint === endpoint || endpoint === "*"),
  });
  const [job, setJob] = useState(0);
  const { data } = loaded;
  if (!data)
    return loaded.error ? <Failure error={loaded.error} onRetry={loaded.reload} /> : <Busy what="the response" />;
  const jobs = "jobs" in data ? data.jobs : null;
  const one = "jobs" in data ? data.jobs[Math.min(job, data.jobs.length - 1)]! : data;
  const retry = async () => {
    try {
      const { reopened } = await retryTask(type, id, { endpoints: [endpoint] });
      toast(reopened.length > 0 ? `${endpoint} performs it again.` : "There was nothing to retry.");
      loaded.reload();
    } catch (error) {
      toast(messageOf(error), true);
    }
  };
  return (
    <>
      <Failure error={loaded.error} onRetry={loaded.reload} />
      {jobs && (
        <div class="chips" role="group" aria-label="Job">
          {jobs.map((part, i) => (
            <button type="button" class="chip" key={part.job} aria-pressed={i === job} onClick={() => setJob(i)}>
              {part.job} <span class="muted">{part.status}</span>
            </button>
          ))}
        </div>
      )}
      <div class="head-line">
        <Badge
          state={one.reason === "timeout" && one.status === "failed" ? "timeout" : one.status}
          more={one.late ? "late" : undefined}
        />
        {may("operate") && one.status !== "running" && one.status !== "succeeded" && (
          <button type="button" class="btn small" onClick={retry}>
            Retry at {endpoint === "*" ? "any endpoint" : endpoint}
          </button>
        )}
      </div>
      <Facts one={one} />
      {one.error && (
        <section aria-label="Error" class="stack">
          <h3>Error</h3>
          <Block value={one.error} label="Error" />
        </section>
      )}
      <Result result={one.result} text={one.result_text} />
      <section class="stack" aria-label="Log">
        <h3>Log</h3>
        <Log
          key={`${id}/${endpoint}/${one.job}`}
          type={type}
          id={id}
          endpoint={endpoint}
          job={one.job}
          open={isOpen(one.status)}
        />
      </section>
      <History history={one.history} />
    </>
  );
}

function Facts(props: { one: TaskResponseDetail }) {
  const { one } = props;
  const waited = between(one.received_at, one.started_at);
  const ran = between(one.started_at, one.finished_at);
  return (
    <dl class="facts">
      {one.reason && (
        <>
          <dt>Reason</dt>
          <dd>
            <code>{one.reason}</code>
          </dd>
        </>
      )}
      {one.status === "running" && (
        <>
          <dt>Progress</dt>
          <dd class="num">
            {Math.round(one.progress * 100)} % {one.progress_message && <Text value={one.progress_message} />}
          </dd>
        </>
      )}
      <dt>Attempt</dt>
      <dd class="num">
        {one.attempt === 0
          ? `none of ${one.attempts} yet`
          : `${one.attempt} of ${one.attempts}${one.generation > 1 ? `, retried ${one.generation - 1}×` : ""}`}
      </dd>
      <dt>Received</dt>
      <dd>
        <Time at={one.received_at} none="not yet" />
      </dd>
      <dt>Started</dt>
      <dd>
        <Time at={one.started_at} none="not yet" />
        {waited !== null && one.started_at && <span class="muted"> after {duration(waited)}</span>}
      </dd>
      <dt>Finished</dt>
      <dd>
        <Time at={one.finished_at} none="not yet" />
        {ran !== null && <span class="muted"> ran {duration(ran)}</span>}
      </dd>
      {one.retry_at && (
        <>
          <dt>Next attempt</dt>
          <dd>
            <Time at={one.retry_at} />
          </dd>
        </>
      )}
    </dl>
  );
}

export function Result(props: { result: Json; text: string | null }) {
  if (props.text !== null) {
    return (
      <section class="stack" aria-label="Result">
        <h3>Result, as text</h3>
        <Block value={props.text} label="Result" />
      </section>
    );
  }
  if (props.result === null) return null;
  return (
    <section class="stack" aria-label="Result">
      <div class="head-line">
        <h3>Result</h3>
        <CopyButton text={writeExact(props.result, 2)} label="Copy the result">
          Copy
        </CopyButton>
      </div>
      <JsonTree value={props.result} />
    </section>
  );
}

function History(props: { history: Attempt[] }) {
  if (props.history.length === 0) return null;
  return (
    <section class="stack" aria-label="Attempts">
      <h3>Attempts</h3>
      <div class="table-wrap">
        <table>
          <thead>
            <tr>
              <th scope="col">Attempt</th>
              <th scope="col">Outcome</th>
              <th scope="col">Started</th>
              <th scope="col">Ran</th>
            </tr>
          </thead>
          <tbody>
            {props.history.map((attempt) => {
              const ran = between(attempt.started_at, attempt.finished_at);
              return (
                <tr key={`${attempt.generation}.${attempt.attempt}.${attempt.finished_at}`}>
                  <th scope="row" class="num">
                    {attempt.generation > 1 ? `${attempt.generation}.` : ""}
                    {attempt.attempt}
                  </th>
                  <td>
                    <Badge state={attempt.outcome} />
                    {attempt.reason && <div class="muted small">{attempt.reason}</div>}
                    {attempt.error && (
                      <details class="small">
                        <summary>Error</summary>
                        <Block value={attempt.error} label={`Error of attempt ${attempt.attempt}`} />
                      </details>
                    )}
                  </td>
                  <td>
                    <Time at={attempt.started_at} />
                  </td>
                  <td class="num nowrap">{ran === null ? "–" : duration(ran)}</td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
    </section>
  );
}
