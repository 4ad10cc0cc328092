import { listTypes } from "../../api/calls";
import { may } from "../../api/session";
import { useLoad } from "../../api/use";
import { href } from "../../app/router";
import { Busy, Empty, Failure } from "../../parts/empty";
import { PageHead } from "../../parts/page";
import { policyOf } from "./policy";

export function TypesPage() {
  const loaded = useLoad("types-page", (signal) => listTypes(signal));
  return (
    <>
      <PageHead title="Types" sub="What can be asked for, and the rules for it" />
      <Failure error={loaded.error} onRetry={loaded.reload} />
      {!loaded.data && !loaded.error && <Busy what="types" />}
      {loaded.data?.items.length === 0 && (
        <div class="card">
          <Empty title="No task type is configured, or your key may touch none." command="npx tasker config print">
            Types stand under <code>task_types</code> in the config.
          </Empty>
        </div>
      )}
      <div class="type-grid">
        {loaded.data?.items.map((type) => (
          <section key={type.name} class="card pad type-card" aria-label={type.name}>
            <h2>
              <a href={href(["types", type.name])}>{type.name}</a>
            </h2>
            <p class="muted">
              {type.deliver === "one" ? "One endpoint performs it" : "Each endpoint performs it"}
              {type.single_run ? ", one run at a time" : ""}
            </p>
            <dl class="facts small">
              {policyOf(type)
                .slice(0, 4)
                .map(([name, value]) => (
                  <>
                    <dt>{name}</dt>
                    <dd>{value}</dd>
                  </>
                ))}
            </dl>
            <div class="actions">
              <a class="btn small" href={href(["types", type.name])}>
                {may("submit") ? "Send a task" : "Look closer"}
              </a>
              <a class="btn small ghost" href={href(["matrix"], { type: type.name })}>
                Matrix
              </a>
            </div>
          </section>
        ))}
      </div>
    </>
  );
}
