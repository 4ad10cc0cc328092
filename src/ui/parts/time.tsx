import { signal } from "@preact/signals";
import { clockSkew } from "../api/http";
import { settings } from "../app/settings";

/** The server's present time, updated once a second while the tab is visible. */
const tick = signal(Date.now());
setInterval(() => {
  if (!document.hidden) tick.value = Date.now();
}, 1000);

export function serverNow(): number {
  return tick.value + clockSkew.value;
}

/** `850 ms`, `3.2 s`, `4 min 5 s`, `2 h 10 min`, `3 d 4 h` */
export function duration(ms: number): string {
  if (ms < 0) return "0 ms";
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 10_000 && ms % 1000 !== 0) return `${(ms / 1000).toFixed(1)} s`;
  const s = Math.floor(ms / 1000);
  if (s < 60) return `${s} s`;
  if (s < 3600) return two(Math.floor(s / 60), "min", s % 60, "s");
  if (s < 86_400) return two(Math.floor(s / 3600), "h", Math.floor((s % 3600) / 60), "min");
  return two(Math.floor(s / 86_400), "d", Math.floor((s % 86_400) / 3600), "h");
}

function two(big: number, bigUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${big} ${bigUnit}` : `${big} ${bigUnit} ${small} ${smallUnit}`;
}

function ago(ms: number): string {
  const s = Math.round(Math.abs(ms) / 1000);
  if (s < 2) return ms < -1500 ? "in a moment" : "just now";
  const text =
    s < 60
      ? `${s} s`
      : s < 3600
        ? `${Math.floor(s / 60)} min`
        : s < 86_400
          ? `${Math.floor(s / 3600)} h`
          : `${Math.floor(s / 86_400)} d`;
  return ms < 0 ? `in ${text}` : `${text} ago`;
}

export function absolute(iso: string, zone: "local" | "utc"): string {
  const date = new Date(iso);
  if (Number.isNaN(date.getTime())) return iso;
  if (zone === "utc") return `${iso.slice(0, 10)} ${iso.slice(11, 19)} UTC`;
  const pad = (n: number) => String(n).padStart(2, "0");
  return `${date.getFullYear()}-${pad(date.getMonth() + 1)}-${pad(date.getDate())} ${pad(date.getHours())}:${pad(date.getMinutes())}:${pad(date.getSeconds())}`;
}

/** A time in the chosen form; the title has the other form. */
export function Time(props: { at: string | null | undefined; none?: string }) {
  if (!props.at) return <span class="muted">{props.none ?? "–"}</span>;
  const { times, zone } = settings.value;
  const whole = absolute(props.at, zone);
  const text = times === "relative" ? ago(serverNow() - Date.parse(props.at)) : whole;
  return (
    <time
      dateTime={props.at}
      title={times === "relative" ? whole : ago(Date.now() - Date.parse(props.at))}
      class="nowrap num"
    >
      {text}
    </time>
  );
}

/** Milliseconds from a task's creation (or delay) to its last response; null: not complete. */
export function took(task: {
  created_at: string;
  delay_until: string | null;
  finished_at: string | null;
}): number | null {
  if (!task.finished_at) return null;
  const due = task.delay_until && task.delay_until > task.created_at ? task.delay_until : task.created_at;
  return between(due, task.finished_at);
}

/** Milliseconds between two times, or until now; null without the first. */
export function between(from: string | null, to: string | null): number | null {
  if (!from) return null;
  return (to ? Date.parse(to) : serverNow()) - Date.parse(from);
}
