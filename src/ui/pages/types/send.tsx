import { useState } from "preact/hooks";
import { TaskerProblem } from "../../../client/errors";
import type { Json, JsonObject, TaskTypeDetail } from "../../../client/types";
import { ExactNumber, parseExact, writeExact } from "../../../model/json/exact-json";
import { submitTask } from "../../api/calls";
import { messageOf } from "../../api/http";
import { go, href } from "../../app/router";
import { Text } from "../../parts/text";
import { Field } from "./field";
import { exampleOf, type Schema } from "./schema";

/** A form for the payload's schema, or a JSON editor without one. The server validates. */
export function SendForm(props: { type: TaskTypeDetail }) {
  const { type } = props;
  const schema = (type.payload_schema ?? null) as Schema | null;
  const simple = schema !== null && schema.type === "object" && schema.properties !== undefined;
  const [raw, setRaw] = useState(!simple);
  const [identifier, setIdentifier] = useState(suggest);
  const [payload, setPayload] = useState<JsonObject>(() => (schema ? (exampleOf(schema) as JsonObject) : {}));
  const [text, setText] = useState(() => writeExact(schema ? exampleOf(schema) : {}, 2));
  const [chosen, setChosen] = useState<readonly string[]>([]);
  const [problem, setProblem] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const registered = type.registered;

  const submit = async (event: Event) => {
    event.preventDefault();
    setProblem(null);
    setBusy(true);
    try {
      const body: Record<string, unknown> = { identifier, payload: raw ? parse(text) : payload };
      if (chosen.length > 0) body.endpoints = chosen;
      const task = await submitTask(type.name, body);
      go(href(["tasks", task.type, task.id]));
    } catch (error) {
      setProblem(error);
    } finally {
      setBusy(false);
    }
  };
  const faults = problem instanceof TaskerProblem ? problem.errors : [];
  const faultOf = (pointer: string) => faults.find((one) => one.pointer === pointer)?.detail ?? "";
  const switchTo = (toRaw: boolean) => {
    try {
      if (toRaw) setText(writeExact(payload, 2));
      else setPayload(parse(text));
      setRaw(toRaw);
    } catch (error) {
      setProblem(error);
    }
  };

  const everywhere = type.deliver !== "one" && registered.length > 0;
  return (
    <form class="send" onSubmit={submit} noValidate>
      <Identifier value={identifier} fault={faultOf("#/identifier")} onChange={setIdentifier} />
      {simple && (
        <label>
          <input type="checkbox" checked={raw} onChange={() => switchTo(!raw)} /> Write the payload as JSON
        </label>
      )}
      {raw ? (
        <label class="field">
          <span>Payload (JSON object)</span>
          <textarea value={text} spellcheck={false} onInput={(event) => setText(event.currentTarget.value)} />
        </label>
      ) : (
        <Field
          schema={schema!}
          name="payload"
          pointer="#/payload"
          value={payload}
          required
          onChange={(value) => setPayload(value as JsonObject)}
          faultOf={faultOf}
        />
      )}
      {everywhere && <Endpoints registered={registered} chosen={chosen} onChoose={setChosen} />}
      <div role="alert">{problem !== null && <Refusal problem={problem} faults={faults} />}</div>
      <div class="actions">
        <button type="submit" class="btn primary" disabled={busy || identifier === ""}>
          Send to{" "}
          {type.deliver === "one"
            ? "any one endpoint"
            : chosen.length > 0
              ? `${chosen.length} of ${registered.length} endpoints`
              : `all ${registered.length} endpoints`}
        </button>
      </div>
    </form>
  );
}

function Identifier(props: { value: string; fault: string; onChange(value: string): void }) {
  return (
    <div class="field">
      <label for="send-identifier">Identifier</label>
      <input
        id="send-identifier"
        required
        maxLength={190}
        value={props.value}
        aria-invalid={props.fault !== ""}
        aria-describedby="send-identifier-help"
        onInput={(event) => props.onChange(event.currentTarget.value)}
      />
      <span id="send-identifier-help" class="small">
        {props.fault || "Your own name for it. The same one again means the same task."}
      </span>
    </div>
  );
}

function Endpoints(props: {
  registered: readonly string[];
  chosen: readonly string[];
  onChoose(chosen: readonly string[]): void;
}) {
  const { registered, chosen, onChoose } = props;
  return (
    <details class="more">
      <summary>
        Endpoints: {chosen.length === 0 ? `all ${registered.length}` : `${chosen.length} of ${registered.length}`}
      </summary>
      <div class="pick-list">
        {registered.map((name) => (
          <label key={name}>
            <input
              type="checkbox"
              checked={chosen.includes(name)}
              onChange={() =>
                onChoose(chosen.includes(name) ? chosen.filter((one) => one !== name) : [...chosen, name])
              }
            />{" "}
            {name}
          </label>
        ))}
      </div>
    </details>
  );
}

/** Why the request was refused, with each fault. */
function Refusal(props: { problem: unknown; faults: TaskerProblem["errors"] }) {
  return (
    <div class="note bad">
      <p>
        <Text value={messageOf(props.problem)} />
      </p>
      {props.faults.map((one) => (
        <p key={one.pointer + one.detail} class="small">
          <code>{one.pointer}</code> <Text value={one.detail} />
        </p>
      ))}
    </div>
  );
}

function suggest(): string {
  return `from-the-page-${new Date().toISOString().slice(0, 19).replace(/[:T]/g, "-")}`;
}

function parse(text: string): JsonObject {
  let value: Json;
  try {
    value = parseExact(text) as Json;
  } catch {
    throw new Error("The payload is not JSON.");
  }
  if (value === null || typeof value !== "object" || Array.isArray(value) || value instanceof ExactNumber)
    throw new Error("The payload must be a JSON object.");
  return value;
}
