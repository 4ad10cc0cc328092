import { effect, signal } from "@preact/signals";

export interface Settings {
  theme: "system" | "light" | "dark";
  times: "relative" | "absolute";
  zone: "local" | "utc";
  shortcuts: boolean;
}

const KEY = "tasker.settings";
const DEFAULTS: Settings = { theme: "system", times: "relative", zone: "local", shortcuts: true };

function stored(): Settings {
  try {
    return { ...DEFAULTS, ...(JSON.parse(localStorage.getItem(KEY) ?? "{}") as Partial<Settings>) };
  } catch {
    return DEFAULTS;
  }
}

export const settings = signal<Settings>(stored());

/** Grows with every change of colours, so that canvases are redrawn. */
export const themeVersion = signal(0);

export function change(part: Partial<Settings>): void {
  settings.value = { ...settings.peek(), ...part };
  try {
    localStorage.setItem(KEY, JSON.stringify(settings.peek()));
  } catch {
    // Storage may be forbidden; the choice then lasts as long as the page.
  }
}

effect(() => {
  const { theme } = settings.value;
  if (theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  themeVersion.value = themeVersion.peek() + 1;
});

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  themeVersion.value = themeVersion.peek() + 1;
});
