import { toast } from "../app/toasts";

/** The clipboard needs https or localhost; elsewhere a selection is copied. */
async function copy(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = document.createElement("textarea");
    area.value = text;
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done;
  }
}

export function CopyButton(props: { text: string; children: string; label?: string; small?: boolean }) {
  const click = async () => {
    if (await copy(props.text)) toast(`Copied: ${props.text.slice(0, 120)}`);
    else toast("The browser did not allow copying.", true);
  };
  return (
    <button
      type="button"
      class={`btn ${props.small === false ? "" : "small"}`}
      aria-label={props.label}
      onClick={click}
    >
      {props.children}
    </button>
  );
}

/** Quotes any text as one word for a POSIX shell. */
export function shellQuote(text: string): string {
  return /^[A-Za-z0-9_./:=@%+-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
