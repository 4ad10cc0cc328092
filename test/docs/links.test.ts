import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";

const ROOT = join(__dirname, "../..");
const pages = execFileSync("git", ["ls-files", "-co", "--exclude-standard", "*.md"], { cwd: ROOT, encoding: "utf8" })
  .split("\n")
  .filter((name) => name !== "" && existsSync(join(ROOT, name)));
const text = (page: string) => readFileSync(join(ROOT, page), "utf8");

/** As GitHub makes them from headings. */
function anchorsOf(page: string): string[] {
  return [...text(page).matchAll(/^#+ (.*)$/gm)].map(([, heading]) =>
    heading!
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, "")
      .replaceAll(" ", "-"),
  );
}

test("every link between the pages leads somewhere", () => {
  const broken: string[] = [];
  for (const page of pages) {
    const prose = text(page).replace(/^```[\s\S]*?^```$/gm, "");
    const links = [...prose.matchAll(/\]\(([^)\s]+)\)|(?:src|srcset)="([^"]+)"/g)].map(([, a, b]) => (a ?? b)!);
    for (const link of links.filter((one) => !/^[a-z]+:/.test(one))) {
      const [path, anchor] = link.split("#") as [string, string | undefined];
      const file = path === "" ? page : join(dirname(page), path);
      const there = existsSync(join(ROOT, file));
      const found = there && (anchor === undefined || !file.endsWith(".md") || anchorsOf(file).includes(anchor));
      if (!found) broken.push(`${page} → ${link}`);
    }
  }
  expect(broken).toEqual([]);
});

test("every page of docs is reached from its index", () => {
  const index = text("docs/README.md");
  const own = pages.filter(
    (page) => /^docs\/(how-to\/|reference\/)?[^/]+\.md$/.test(page) && page !== "docs/README.md",
  );
  expect(own.filter((page) => !index.includes(`](${page.slice("docs/".length)})`))).toEqual([]);
});

test("every alert leads to a paragraph of docs/alarms.md", () => {
  const rules = text("deploy/prometheus/alerts.yml");
  const led = [...rules.matchAll(/docs\/alarms\.md#([\w-]+)/g)].map(([, anchor]) => anchor!);
  expect(led.length).toBe(rules.match(/alert: /g)!.length);
  expect(led.filter((anchor) => !anchorsOf("docs/alarms.md").includes(anchor))).toEqual([]);
});
