import { useMemo } from "preact/hooks";
import { clockSkew } from "../../api/http";
import { useLoad } from "../../api/use";
import { href } from "../../app/router";
import { Chart } from "../../parts/chart";
import { Busy, Empty, Failure } from "../../parts/empty";
import { PageHead } from "../../parts/page";
import { duration, serverNow } from "../../parts/time";
import { Attention } from "./attention";
import { LOOKED_AT, loadOverview, type Overview } from "./load";
import { failedResponsesOf, statsOf } from "./stats";
import { Tiles } from "./tiles";

export function OverviewPage() {
  const loaded = useLoad("overview", loadOverview, { matches: () => true, everyMs: 10_000 });
  const { data } = loaded;
  return (
    <>
      <PageHead title="Overview" />
      <div class="stack">
        <Failure error={loaded.error} onRetry={loaded.reload} />
        {data ? <Shown data={data} /> : !loaded.error && <Busy what="the overview" />}
      </div>
    </>
  );
}

function Shown(props: { data: Overview }) {
  const { data } = props;
  const stats = useMemo(() => statsOf(data.newest, Date.now() + clockSkew.peek(), data.complete), [data]);
  const failed = useMemo(() => failedResponsesOf(data.newest, Date.now() + clockSkew.peek(), data.complete), [data]);
  const charts = useMemo(() => stats && seriesOf(stats), [stats]);
  if (data.newest.length === 0) {
    return (
      <>
        <Tiles data={data} perMinute={0} failedResponses={failed} />
        <div class="card">
          <Empty title="No task yet." command={`npx tasker submit noop --payload '{"foo":"bar"}' --wait`}>
            Send the first one from a terminal, or with the form of a <a href="#/types">type</a>.
          </Empty>
        </div>
        <Attention data={data} />
      </>
    );
  }
  const oldest = data.newest.at(-1)!;
  const basis = data.complete
    ? `all ${data.newest.length} stored tasks`
    : `the newest ${Math.min(data.newest.length, LOOKED_AT)} tasks, which reach back ${duration(serverNow() - Date.parse(oldest.created_at))}`;
  return (
    <>
      <Tiles data={data} perMinute={stats!.finishedLastMinute} failedResponses={failed} />
      <Attention data={data} />
      <div class="two">
        <section class="card pad stack" aria-labelledby="chart-1">
          <h2 id="chart-1">
            Tasks <span class="muted small">in each {duration(stats!.bucketMs)}</span>
          </h2>
          <Chart
            title="Tasks"
            times={stats!.times}
            series={charts!.throughput}
            unit={(value) => (Number.isInteger(value) ? String(value) : "")}
          />
        </section>
        <section class="card pad stack" aria-labelledby="chart-2">
          <h2 id="chart-2">
            Time to completion <span class="muted small">from due to the last response</span>
          </h2>
          <Chart title="Time to completion" times={stats!.times} series={charts!.latency} unit={duration} />
        </section>
      </div>
      <p class="muted small">
        Both charts are drawn from {basis}. <a href={href(["tasks"])}>See them as a list</a>
      </p>
    </>
  );
}

function seriesOf(stats: NonNullable<ReturnType<typeof statsOf>>) {
  return {
    throughput: [
      { label: "created", colour: "--idle", dash: [2, 3], values: stats.created },
      { label: "succeeded", colour: "--ok", values: stats.succeeded },
      { label: "failed or cancelled", colour: "--bad", dash: [6, 3], values: stats.failed },
    ],
    latency: [
      { label: "p50", colour: "--ok", values: stats.p50 },
      { label: "p95", colour: "--warn", dash: [6, 3], values: stats.p95 },
      { label: "p99", colour: "--bad", dash: [2, 3], values: stats.p99 },
    ],
  };
}
