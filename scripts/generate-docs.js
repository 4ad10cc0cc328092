/** `npm run docs:generate`: writes the generated pages. Tests fail when one of them is stale. */
const fs = require("node:fs");
const path = require("node:path");
const { ensureBuilt } = require("./lib/build");
const { ensureInstalled } = require("./lib/install");
const { main } = require("./lib/main");
const { ROOT } = require("./lib/paths");
const { withFigures } = require("./lib/readme-figures");

main(async () => {
  await ensureInstalled();
  await ensureBuilt();
  const { configReference } = require("../dist/src/config/reference");
  const { withProblems } = require("../dist/src/api/openapi/problems-page");
  write("docs/reference/config.md", () => configReference());
  write("docs/reference/problems.md", (before) => withProblems(before));
  const performance = fs.readFileSync(path.join(ROOT, "docs/performance.md"), "utf8");
  write("README.md", (before) => withFigures(before, performance));
});

function write(name, make) {
  const file = path.join(ROOT, name);
  const before = fs.existsSync(file) ? fs.readFileSync(file, "utf8") : "";
  const after = make(before);
  if (after !== before) fs.writeFileSync(file, after);
  console.error(`${name}: ${after === before ? "as it was" : "written"}`);
}
