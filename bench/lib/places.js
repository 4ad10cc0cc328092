const path = require("node:path");

const DOCS = path.resolve(__dirname, "../../docs");

module.exports = {
  /** Where `--write` puts tables, raw figures and pictures. */
  DOCUMENT: path.join(DOCS, "performance.md"),
  RESULTS: path.join(DOCS, "performance.json"),
  IMAGES: path.join(DOCS, "images"),
};
