import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { useEffect, useRef } from "preact/hooks";
import { settings, themeVersion } from "../app/settings";

export interface Series {
  label: string;
  /** Name of a custom property: `--ok`. */
  colour: string;
  dash?: number[];
  values: Array<number | null>;
}

interface Props {
  title: string;
  times: number[];
  series: Series[];
  unit: (value: number) => string;
}

const HEIGHT = 190;

/** A time series, with a table of the same numbers for screen readers. */
export function Chart(props: Props) {
  const box = useRef<HTMLDivElement>(null);
  const version = themeVersion.value;
  const plot = useRef<uPlot | null>(null);
  const data = () => [props.times, ...props.series.map((one) => one.values)] as uPlot.AlignedData;

  useEffect(() => {
    const element = box.current!;
    plot.current = new uPlot(optionsOf(props, element), data(), element);
    const resize = new ResizeObserver(() => plot.current?.setSize({ width: element.clientWidth, height: HEIGHT }));
    resize.observe(element);
    return () => {
      resize.disconnect();
      plot.current?.destroy();
    };
  }, [version, props.series.length]);
  useEffect(() => plot.current?.setData(data()), [props.times, props.series]);

  return (
    <figure>
      <Key series={props.series} />
      <div ref={box} aria-hidden="true" class="chart" />
      <details>
        <summary class="small muted">Numbers</summary>
        <Numbers {...props} />
      </details>
    </figure>
  );
}

function optionsOf(props: Props, element: HTMLElement): uPlot.Options {
  const axis = {
    stroke: colourOf("--ink-2", element),
    grid: { stroke: colourOf("--line", element), width: 1 },
    ticks: { show: false },
    font: "12px sans-serif",
  };
  return {
    width: element.clientWidth,
    height: HEIGHT,
    cursor: { y: false, drag: { x: false, y: false } },
    legend: { show: false },
    scales: { x: { time: true }, y: { range: (_u, _min, max) => [0, Math.max(1, max * 1.1)] } },
    axes: [
      { ...axis, space: 90, values: (_u, splits) => splits.map((at) => clock(at, splits)) },
      {
        ...axis,
        size: 62,
        values: (_u, values) => values.map((value) => (value === null ? "" : props.unit(value))),
      },
    ],
    series: [
      {},
      ...props.series.map((one) => ({
        label: one.label,
        stroke: colourOf(one.colour, element),
        width: 2,
        dash: one.dash,
        points: { show: props.times.length < 40, size: 5, fill: colourOf(one.colour, element) },
        spanGaps: true,
      })),
    ],
  };
}

/** The value of a custom property, for a canvas, which has no variables. */
function colourOf(name: string, element: HTMLElement): string {
  const probe = document.createElement("span");
  probe.style.color = `var(${name})`;
  element.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}

function Key(props: { series: Series[] }) {
  return (
    <ul class="plain chips" aria-hidden="true">
      {props.series.map((one) => (
        <li key={one.label} class="small muted actions">
          <svg width="18" height="8" aria-hidden="true">
            <line
              x1="0"
              y1="4"
              x2="18"
              y2="4"
              stroke-width="2.5"
              style={{ stroke: `var(${one.colour})` }}
              stroke-dasharray={one.dash?.join(" ")}
            />
          </svg>
          {one.label}
        </li>
      ))}
    </ul>
  );
}

function Numbers(props: Props) {
  return (
    <div class="table-wrap chart-table" tabIndex={0} role="region" aria-label={`${props.title}, numbers`}>
      <table>
        <thead>
          <tr>
            <th scope="col">From</th>
            {props.series.map((one) => (
              <th scope="col" key={one.label}>
                {one.label}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {props.times.map((time, row) => (
            <tr key={time}>
              <th scope="row">{new Date(time * 1000).toLocaleTimeString()}</th>
              {props.series.map((one) => (
                <td key={one.label} class="num">
                  {one.values[row] === null || one.values[row] === undefined ? "–" : props.unit(one.values[row])}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** The part of the time that distinguishes neighbours. */
function clock(seconds: number, splits: readonly number[]): string {
  const step = (splits[1] ?? seconds + 60) - (splits[0] ?? seconds);
  const iso =
    settings.peek().zone === "utc"
      ? new Date(seconds * 1000)
      : new Date(seconds * 1000 - new Date(seconds * 1000).getTimezoneOffset() * 60_000);
  const text = iso.toISOString();
  return step >= 86_400 ? text.slice(5, 10) : step < 60 ? text.slice(11, 19) : text.slice(11, 16);
}
