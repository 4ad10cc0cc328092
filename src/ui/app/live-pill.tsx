import { clockSkew } from "../api/http";
import { heardAt, liveProblem, liveState, togglePause } from "../api/live";
import { upgradedTo } from "../api/session";
import { duration, serverNow } from "../parts/time";

const HINT = {
  live: "Changes appear as they happen. Press to pause.",
  paused: "Nothing is loaded while paused. Press to resume.",
  reconnecting: "The connection to the server is being made again. Press to pause.",
  stale: "The server has not been heard of for a while: what you see may be old. Press to pause.",
};

/** Shows whether the page is live; a press pauses or resumes. */
export function LivePill() {
  const state = liveState.value;
  const silent = serverNow() - clockSkew.value - heardAt.value;
  const word = state === "stale" ? `stale for ${duration(silent)}` : state;
  return (
    <button
      type="button"
      class={`pill ${state}`}
      data-live={state}
      aria-pressed={state === "paused"}
      aria-label={`Live updates: ${state}. ${state === "paused" ? "Resume" : "Pause"}`}
      title={`${HINT[state]}${liveProblem.value ? `\n${liveProblem.value}` : ""}`}
      onClick={togglePause}
    >
      <span class="dot" aria-hidden="true" />
      <span>{word}</span>
    </button>
  );
}

/** Says that the pages are not current, and why. Changes of state are announced. */
export function LiveBanner() {
  const state = liveState.value;
  return (
    <div role="status">
      {(state === "stale" || (state === "reconnecting" && liveProblem.value !== "")) && (
        <div class="banner">
          <span>
            {state === "stale" ? "This page may be outdated: " : "Reconnecting: "}
            {liveProblem.value || "the server has sent nothing for a while."}
          </span>
        </div>
      )}
      {upgradedTo.value && (
        <div class="banner">
          <span>The server is version {upgradedTo.value} now; this page is from an earlier version.</span>
          <button type="button" class="btn small" onClick={() => location.reload()}>
            Reload
          </button>
        </div>
      )}
    </div>
  );
}
