import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AxeBuilder } from "@axe-core/playwright";
import { type BrowserContextOptions, chromium, type Page } from "playwright-core";

const ROOT = join(__dirname, "..", "..");
const { findChromium } = require("../../scripts/lib/chromium") as { findChromium(): string | null };
const { isBuilt } = require("../../scripts/lib/build") as { isBuilt(): boolean };

const SWITCHES = [
  "--no-sandbox",
  "--headless",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

export interface Shown {
  page: Page;
  /** What went wrong without anybody looking: errors in the console, requests to other hosts, exceptions. */
  problems: string[];
  /** Goes to a page of the web pages and waits until it has its heading and nothing is loading. */
  go(hash: string): Promise<void>;
}

export interface Pages {
  /** Folder of the pages, built from these sources. */
  uiDir: string;
  /** A tab in a profile of its own. */
  open(url: string, options?: BrowserContextOptions): Promise<Shown>;
  close(): Promise<void>;
}

/** The pages of these very sources, built or taken from the build. */
function buildPages(uiDir: string): void {
  if (isBuilt()) cpSync(join(ROOT, "dist/ui"), uiDir, { recursive: true });
  else
    execFileSync(process.execPath, [join(ROOT, "scripts/build-ui.js"), uiDir], { stdio: ["ignore", "ignore", "pipe"] });
}

/** Real Chromium, and the real pages (or what `build` makes instead of them) in a folder of their own. */
export async function openPages(build: (uiDir: string) => void = buildPages): Promise<Pages> {
  const executablePath = findChromium();
  if (!executablePath) throw new Error("There is no Chromium on this machine: run npm test, which sees to it.");
  const uiDir = mkdtempSync(join(tmpdir(), "tasker-ui-"));
  build(uiDir);
  const browser = await chromium.launch({ executablePath, args: SWITCHES });
  return {
    uiDir,
    async open(url, options = {}) {
      const context = await browser.newContext({ viewport: { width: 1280, height: 820 }, ...options });
      const page = await context.newPage();
      page.setDefaultTimeout(15_000);
      const problems: string[] = [];
      page.on("pageerror", (error) => problems.push(`exception: ${error.message}`));
      page.on("console", (message) => {
        // Chromium itself notes every answer that is no 2xx; what the page makes of it is tested where it matters.
        const noted = /Failed to load resource/.test(message.text());
        if (message.type() === "error" && !noted) problems.push(`console: ${message.text()}`);
      });
      page.on("request", (request) => {
        if (!request.url().startsWith(url)) problems.push(`request to ${request.url()}`);
      });
      const go = async (hash: string) => {
        await page.goto(`${url}/ui/#${hash}`);
        await page.locator("h1").waitFor();
        await page.locator(".busy-line").first().waitFor({ state: "detached" });
      };
      return { page, problems, go };
    },
    async close() {
      await browser.close();
      rmSync(uiDir, { recursive: true, force: true });
    },
  };
}

/** What axe finds against WCAG 2.2 AA (or of colours only), one line each. */
export async function axe(page: Page, what: "all" | "colours" = "all"): Promise<string[]> {
  const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
  const builder = new AxeBuilder({ page });
  const { violations } = await (what === "all"
    ? builder.withTags(tags)
    : builder.withRules("color-contrast")
  ).analyze();
  return violations.flatMap(({ id, nodes }) =>
    nodes.slice(0, 5).map((node) => `${id}: ${node.html.slice(0, 200)} ${node.failureSummary ?? ""}`),
  );
}

/** Pictures for README and docs are written only when asked for: they differ with every run. */
export async function picture(page: Page, name: string): Promise<void> {
  if (process.env.TASKER_SCREENSHOTS) await page.screenshot({ path: join(ROOT, "docs/images", `${name}.png`) });
}
