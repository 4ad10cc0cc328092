import { useState } from "preact/hooks";

const SHOWN = 2000;

/**
 * Characters that would hide or reorder what stands around them: controls (an ANSI escape begins
 * with one), direction overrides, zero-width ones. They are shown by name.
 */
const UNSEEN = /(?![\n\r\t])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

function nameOf(char: string): string {
  const code = char.codePointAt(0)!;
  if (code < 0x20) return String.fromCharCode(0x2400 + code);
  return `U+${code.toString(16).toUpperCase().padStart(4, "0")}`;
}

/** The parts of a text, with invisible characters made visible. */
export function visible(text: string) {
  if (text.search(UNSEEN) < 0) return text;
  const pieces = [];
  let from = 0;
  for (const match of text.matchAll(UNSEEN)) {
    if (match.index > from) pieces.push(text.slice(from, match.index));
    pieces.push(
      <span class="ctl" key={match.index}>
        {nameOf(match[0])}
      </span>,
    );
    from = match.index + match[0].length;
  }
  pieces.push(text.slice(from));
  return pieces;
}

/** Foreign text on one line or in running text, isolated against direction changes. */
export function Text(props: { value: string; most?: number }) {
  const most = props.most ?? 300;
  const cut = props.value.length > most;
  return <bdi>{visible(cut ? `${props.value.slice(0, most)}…` : props.value)}</bdi>;
}

export function sizeOf(characters: number): string {
  if (characters < 1000) return `${characters} characters`;
  if (characters < 1_000_000) return `${Math.round(characters / 100) / 10} kB`;
  return `${Math.round(characters / 100_000) / 10} MB`;
}

/** A text of any length; a long one is cut until expanded. */
export function Block(props: { value: string; label: string }) {
  const [all, setAll] = useState(false);
  const long = props.value.length > SHOWN;
  return (
    <div>
      <pre class="block" tabIndex={0} role="region" aria-label={props.label}>
        {visible(long && !all ? props.value.slice(0, SHOWN) : props.value)}
        {long && !all ? "…" : ""}
      </pre>
      {long && (
        <button type="button" class="btn small ghost" onClick={() => setAll(!all)}>
          {all ? "Show less" : `Show all (${sizeOf(props.value.length)})`}
        </button>
      )}
    </div>
  );
}
