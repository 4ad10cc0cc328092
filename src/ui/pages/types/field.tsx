import { useId, useState } from "preact/hooks";
import type { Json, JsonObject } from "../../../client/types";
import { ExactNumber, parseExact, writeExact } from "../../../model/json/exact-json";
import { Text } from "../../parts/text";
import { exampleOf, type Schema } from "./schema";

interface Props {
  schema: Schema;
  name: string;
  /** An RFC 6901 pointer, as the server names a refused field. */
  pointer: string;
  value: Json | undefined;
  required?: boolean;
  onChange(value: Json | undefined): void;
  faultOf(pointer: string): string;
}

/**
 * One field of the payload by its schema; an object is a group. Empty optional fields are omitted.
 */
export function Field(props: Props) {
  const id = useId();
  const { schema, value, pointer } = props;
  const type = Array.isArray(schema.type) ? schema.type.find((one) => one !== "null") : schema.type;
  const fault = props.faultOf(pointer);
  if (type === "object" && schema.properties) return <Group {...props} />;
  const label = (
    <label for={id}>
      {schema.title ?? props.name}
      {props.required ? "" : " (optional)"}
    </label>
  );
  const common = { id, "aria-invalid": fault !== "", "aria-describedby": `${id}-help`, required: props.required };
  const change = (text: string) => props.onChange(text === "" && !props.required ? undefined : text);
  const help = <Help id={`${id}-help`} fault={fault} text={schema.description ?? ""} />;
  if (type === "boolean") {
    return (
      <div>
        <input
          type="checkbox"
          {...common}
          checked={value === true}
          onChange={(event) => props.onChange(event.currentTarget.checked)}
        />{" "}
        {label} {help}
      </div>
    );
  }
  return (
    <div class="field">
      {label}
      {schema.enum ? (
        <select
          {...common}
          value={writeExact(value ?? null)}
          onChange={(event) =>
            props.onChange(
              event.currentTarget.value === "" ? undefined : (parseExact(event.currentTarget.value) as Json),
            )
          }
        >
          {!props.required && <option value="">–</option>}
          {schema.enum.map((option) => (
            <option key={writeExact(option)} value={writeExact(option)}>
              {typeof option === "string" ? option : writeExact(option)}
            </option>
          ))}
        </select>
      ) : type === "integer" || type === "number" ? (
        <input
          type="number"
          {...common}
          min={schema.minimum}
          max={schema.maximum}
          step={type === "integer" ? 1 : "any"}
          value={typeof value === "number" || value instanceof ExactNumber ? String(value) : ""}
          onInput={(event) =>
            props.onChange(event.currentTarget.value === "" ? undefined : numberOf(event.currentTarget.value))
          }
        />
      ) : type === "string" ? (
        <input
          type="text"
          inputMode={schema.format === "email" ? "email" : schema.format === "uri" ? "url" : "text"}
          {...common}
          minLength={schema.minLength}
          maxLength={schema.maxLength}
          value={typeof value === "string" ? value : ""}
          onInput={(event) => change(event.currentTarget.value)}
        />
      ) : (
        <JsonInput common={common} value={value} onChange={props.onChange} />
      )}
      {help}
    </div>
  );
}

function Help(props: { id: string; fault: string; text: string }) {
  return (
    <span id={props.id} class={`small ${props.fault ? "bad-text" : ""}`}>
      <Text value={props.fault || props.text} />
    </span>
  );
}

function Group(props: Props) {
  const { schema, pointer } = props;
  const value = (props.value ?? {}) as JsonObject;
  const root = pointer === "#/payload";
  if (props.value === undefined) {
    return (
      <button type="button" class="btn small" onClick={() => props.onChange(exampleOf(schema))}>
        Add {schema.title ?? props.name}
      </button>
    );
  }
  const set = (name: string, part: Json | undefined) => {
    const { [name]: _, ...rest } = value;
    props.onChange(part === undefined ? rest : { ...rest, [name]: part });
  };
  return (
    <fieldset>
      <legend>{root ? "Payload" : (schema.title ?? props.name)}</legend>
      <div class={root ? "send" : "nested"}>
        {Object.entries(schema.properties ?? {}).map(([name, part]) => (
          <Field
            key={name}
            schema={part}
            name={name}
            pointer={`${pointer}/${name.replaceAll("~", "~0").replaceAll("/", "~1")}`}
            value={value[name]}
            required={schema.required?.includes(name) ?? false}
            onChange={(next) => set(name, next)}
            faultOf={props.faultOf}
          />
        ))}
      </div>
    </fieldset>
  );
}

/** The number as it was typed; a double for notations that only HTML accepts (`.5`). */
function numberOf(text: string): Json {
  try {
    return parseExact(text) as Json;
  } catch {
    return Number(text);
  }
}

/** Lists, and values that the schema leaves open. */
function JsonInput(props: {
  common: { id: string; "aria-describedby": string };
  value: Json | undefined;
  onChange(value: Json | undefined): void;
}) {
  const [text, setText] = useState(() => (props.value === undefined ? "" : writeExact(props.value)));
  const [wrong, setWrong] = useState(false);
  const input = (next: string) => {
    setText(next);
    try {
      props.onChange(next.trim() === "" ? undefined : (parseExact(next) as Json));
      setWrong(false);
    } catch {
      setWrong(true);
    }
  };
  return (
    <>
      <input
        type="text"
        {...props.common}
        aria-invalid={wrong}
        value={text}
        placeholder="as JSON"
        spellcheck={false}
        onInput={(event) => input(event.currentTarget.value)}
      />
      {wrong && <span class="small bad-text">This is not JSON yet.</span>}
    </>
  );
}
