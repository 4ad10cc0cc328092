import { useRef, useState } from "preact/hooks";
import { session } from "../api/session";
import { Help } from "./help";
import { useShortcuts } from "./keys";
import { LiveBanner, LivePill } from "./live-pill";
import { Logo } from "./logo";
import { Menu } from "./menu";
import { PAGES, pageOf } from "./pages";
import { go, href, route } from "./router";
import { Toasts } from "./toasts";

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** The frame around every page: navigation, live state, settings. */
export function Shell() {
  const [help, setHelp] = useState(false);
  const search = useRef<HTMLInputElement>(null);
  useShortcuts({ help: () => setHelp(true), search: () => search.current?.focus() });
  const here = route.value;
  const page = pageOf(here.parts);
  const mode = session.value?.run_mode;

  const find = (event: Event) => {
    event.preventDefault();
    const text = search.current?.value.trim() ?? "";
    if (text === "") return;
    go(UUID.test(text) ? href(["find", text]) : href(["tasks"], { identifier: text }));
  };

  return (
    <>
      <button type="button" class="skip btn" onClick={() => document.querySelector<HTMLElement>("h1")?.focus()}>
        Skip to the content
      </button>
      <header class="top">
        <a class="brand" href="#/" aria-label="tasker, overview">
          <Logo />
          <span aria-hidden="true">tasker</span>
        </a>
        {mode && <span class={`mode ${mode}`}>{mode}</span>}
        <nav class="nav" aria-label="Pages">
          {PAGES.filter((entry) => entry.label).map((entry) => (
            <a
              key={entry.name}
              href={entry.name === "overview" ? "#/" : `#/${entry.name}`}
              aria-current={page.nav === entry.name ? "page" : undefined}
            >
              {entry.label}
            </a>
          ))}
        </nav>
        <div class="top-right">
          <form class="search" role="search" onSubmit={find}>
            <input
              ref={search}
              type="search"
              placeholder="Identifier or id  ( / )"
              aria-label="Find a task by identifier or id"
            />
          </form>
          <LivePill />
          <Menu onHelp={() => setHelp(true)} />
        </div>
      </header>
      <LiveBanner />
      <main id="main" class={page.wide ? "wide" : ""}>
        <page.component key={page.key} parts={here.parts} query={here.query} />
      </main>
      {help && <Help onClose={() => setHelp(false)} />}
      <Toasts />
    </>
  );
}
