import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";

/** Title and actions. A new page moves the focus to its heading, as a page load would. */
export function PageHead(props: {
  title: string;
  shown?: ComponentChildren;
  children?: ComponentChildren;
  sub?: ComponentChildren;
}) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = `${props.title} · tasker`;
  }, [props.title]);
  useEffect(() => {
    if (document.activeElement === document.body || document.activeElement?.closest(".nav")) {
      heading.current?.focus({ preventScroll: true });
    }
  }, []);
  return (
    <div class="page-head">
      <div class="grow">
        <h1 ref={heading} tabIndex={-1}>
          {props.shown ?? props.title}
        </h1>
        {props.sub && <div class="muted">{props.sub}</div>}
      </div>
      {props.children && <div class="actions">{props.children}</div>}
    </div>
  );
}

export function Tabs(props: {
  tabs: ReadonlyArray<readonly [id: string, label: string]>;
  value: string;
  onChange(id: string): void;
}) {
  const list = useRef<HTMLDivElement>(null);
  const move = (event: KeyboardEvent) => {
    const at = props.tabs.findIndex(([id]) => id === props.value);
    const step = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
    if (step === 0) return;
    const next = (at + step + props.tabs.length) % props.tabs.length;
    props.onChange(props.tabs[next]![0]);
    (list.current?.children[next] as HTMLElement | undefined)?.focus();
  };
  return (
    <div class="tabs" role="tablist" ref={list} onKeyDown={move}>
      {props.tabs.map(([id, label]) => (
        <button
          key={id}
          type="button"
          role="tab"
          id={`tab-${id}`}
          aria-selected={id === props.value}
          aria-controls="tab-panel"
          tabIndex={id === props.value ? 0 : -1}
          onClick={() => props.onChange(id)}
        >
          {label}
        </button>
      ))}
    </div>
  );
}

/** A row of choices, one of them selected. */
export function Segments<T extends string>(props: {
  legend: string;
  name: string;
  options: ReadonlyArray<readonly [T, string]>;
  value: T;
  onChange(value: T): void;
}) {
  return (
    <fieldset>
      <legend>{props.legend}</legend>
      <div class="seg">
        {props.options.map(([value, label]) => (
          <label key={value}>
            <input
              type="radio"
              name={props.name}
              checked={props.value === value}
              onChange={() => props.onChange(value)}
            />
            <span>{label}</span>
          </label>
        ))}
      </div>
    </fieldset>
  );
}
