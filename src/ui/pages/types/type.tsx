import { readType } from "../../api/calls";
import { may } from "../../api/session";
import { useLoad } from "../../api/use";
import { href, type PageProps } from "../../app/router";
import { Busy, Failure } from "../../parts/empty";
import { JsonTree } from "../../parts/json";
import { PageHead } from "../../parts/page";
import { policyOf } from "./policy";
import { SendForm } from "./send";

export function TypePage(props: PageProps) {
  const name = props.parts[1] ?? "";
  const loaded = useLoad(`type/${name}`, (signal) => readType(name, signal), {
    matches: (change) => change.type === name,
  });
  const type = loaded.data;
  if (!type) {
    return (
      <>
        <PageHead title={name} />
        {loaded.error ? <Failure error={loaded.error} onRetry={loaded.reload} /> : <Busy what="the type" />}
      </>
    );
  }
  const open = Object.entries(type.open).filter(([, count]) => count);
  return (
    <>
      <PageHead title={name} sub={type.deliver === "one" ? "One endpoint performs it" : "Each endpoint performs it"}>
        <a class="btn" href={href(["tasks"], { type: name })}>
          Its tasks
        </a>
        <a class="btn" href={href(["matrix"], { type: name })}>
          Its matrix
        </a>
      </PageHead>
      <div class="stack">
        <Failure error={loaded.error} onRetry={loaded.reload} />
        <div class="two">
          {may("submit") && (
            <section class="card pad stack" aria-labelledby="send">
              <h2 id="send">Send a task</h2>
              <SendForm type={type} />
            </section>
          )}
          <section class="card pad stack" aria-labelledby="rules">
            <h2 id="rules">Rules</h2>
            <dl class="facts">
              {policyOf(type).map(([label, value]) => (
                <>
                  <dt>{label}</dt>
                  <dd>{value}</dd>
                </>
              ))}
              <dt>Registered endpoints</dt>
              <dd>
                {type.registered.length === 0 && "none"}
                {type.registered.slice(0, 60).map((endpoint, i) => (
                  <>
                    {i > 0 && ", "}
                    <a href={href(["endpoints", endpoint])}>{endpoint}</a>
                  </>
                ))}
                {type.registered.length > 60 && ` and ${type.registered.length - 60} more`}
              </dd>
              <dt>Open responses</dt>
              <dd>{open.length === 0 ? "none" : open.map(([status, count]) => `${count} ${status}`).join(", ")}</dd>
            </dl>
            {type.payload_schema && (
              <>
                <h3>Payload schema</h3>
                <JsonTree value={type.payload_schema} />
              </>
            )}
          </section>
        </div>
      </div>
    </>
  );
}
