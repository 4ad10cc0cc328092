import { useEffect, useRef } from "preact/hooks";
import { messageOf } from "../api/http";
import { logOut, session } from "../api/session";
import { Segments } from "../parts/page";
import { Text } from "../parts/text";
import { change, settings } from "./settings";
import { toast } from "./toasts";

/** Display settings and the logged-in user. */
export function Menu(props: { onHelp(): void }) {
  const details = useRef<HTMLDetailsElement>(null);
  useClosing(details);
  return (
    <details class="menu" ref={details}>
      <summary class="pill" aria-label="Display and account">
        <svg
          width="15"
          height="15"
          viewBox="0 0 16 16"
          fill="none"
          stroke="currentColor"
          stroke-width="1.7"
          stroke-linecap="round"
          aria-hidden="true"
        >
          <path d="M2 4.5h7M13 4.5h1M2 11.5h1M7 11.5h7" />
          <circle cx="11" cy="4.5" r="1.8" />
          <circle cx="5" cy="11.5" r="1.8" />
        </svg>
        Display
      </summary>
      <div class="menu-body">
        <Choices />
        <button type="button" class="btn small" onClick={props.onHelp}>
          Shortcuts and signs
        </button>
        <Account />
      </div>
    </details>
  );
}

/** Closes it on Escape or a press outside. */
function useClosing(details: { readonly current: HTMLDetailsElement | null }): void {
  useEffect(() => {
    const away = (event: Event) => {
      const menu = details.current;
      if (menu?.open && event.target instanceof Node && !menu.contains(event.target)) menu.open = false;
    };
    const closeByKey = (event: KeyboardEvent) => {
      const menu = details.current;
      if (event.key !== "Escape" || !menu?.open) return;
      menu.open = false;
      menu.querySelector("summary")?.focus();
    };
    document.addEventListener("pointerdown", away);
    document.addEventListener("keydown", closeByKey);
    return () => {
      document.removeEventListener("pointerdown", away);
      document.removeEventListener("keydown", closeByKey);
    };
  }, []);
}

function Choices() {
  const { theme, times, zone, shortcuts } = settings.value;
  return (
    <>
      <Segments
        legend="Theme"
        name="theme"
        value={theme}
        options={[
          ["system", "System"],
          ["light", "Light"],
          ["dark", "Dark"],
        ]}
        onChange={(value) => change({ theme: value })}
      />
      <Segments
        legend="Times"
        name="times"
        value={times}
        options={[
          ["relative", "Relative"],
          ["absolute", "Absolute"],
        ]}
        onChange={(value) => change({ times: value })}
      />
      <Segments
        legend="Time zone"
        name="zone"
        value={zone}
        options={[
          ["local", "Local"],
          ["utc", "UTC"],
        ]}
        onChange={(value) => change({ zone: value })}
      />
      <label>
        <input type="checkbox" checked={shortcuts} onChange={() => change({ shortcuts: !shortcuts })} /> Keyboard
        shortcuts
      </label>
    </>
  );
}

function Account() {
  const who = session.value;
  if (!who?.name) return null;
  return (
    <div class="stack">
      <p class="small muted">
        Logged in with the key <Text value={who.name} /> ({who.scopes.join(", ")})
      </p>
      {who.csrf_token && (
        <button
          type="button"
          class="btn small"
          onClick={() => logOut().catch((error) => toast(messageOf(error), true))}
        >
          Log out
        </button>
      )}
    </div>
  );
}
