import { useEffect } from "preact/hooks";
import { togglePause } from "../api/live";
import { go } from "./router";
import { settings } from "./settings";

const PLACES: Record<string, string> = {
  o: "#/",
  t: "#/tasks",
  m: "#/matrix",
  e: "#/endpoints",
  y: "#/types",
  s: "#/system",
};

/** Single-letter keys, unless the user is typing or has disabled them (WCAG 2.1.4). */
export function useShortcuts(on: { help(): void; search(): void }): void {
  useEffect(() => {
    let leader = 0;
    const press = (event: KeyboardEvent) => {
      if (!settings.peek().shortcuts || event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target))
        return;
      if (document.querySelector("dialog[open]")) return;
      if (Date.now() - leader < 1200 && PLACES[event.key]) {
        leader = 0;
        event.preventDefault();
        go(PLACES[event.key]!);
      } else if (event.key === "g") leader = Date.now();
      else if (event.key === "l") togglePause();
      else if (event.key === "?") on.help();
      else if (event.key === "/") {
        event.preventDefault();
        on.search();
      }
    };
    document.addEventListener("keydown", press);
    return () => document.removeEventListener("keydown", press);
  }, []);
}

export function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement && (/^(INPUT|SELECT|TEXTAREA)$/.test(target.tagName) || target.isContentEditable)
  );
}
