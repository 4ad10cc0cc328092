const fs = require("node:fs");
const path = require("node:path");

/** The absolute path of the first program found on the PATH or in the folders; null: none. */
function findProgram(names, folders = []) {
  const searched = [...(process.env.PATH ?? "").split(path.delimiter), ...folders].filter(Boolean);
  for (const name of names) {
    for (const folder of searched) {
      const file = path.join(folder, name);
      if (isExecutable(file)) return file;
    }
  }
  return null;
}

function isExecutable(file) {
  try {
    fs.accessSync(file, fs.constants.X_OK);
    return fs.statSync(file).isFile();
  } catch {
    return false;
  }
}

/** Sub-folders of `parent`, newest version last in name order; [] when there is none. */
function subfolders(parent) {
  try {
    return fs.readdirSync(parent).map((name) => path.join(parent, name));
  } catch {
    return [];
  }
}

module.exports = { findProgram, subfolders };
