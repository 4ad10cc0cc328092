const { isBuilt } = require("./scripts/lib/build");

/** Handlers' processes start several times faster from the build than through tsx: taken where it is of these very sources. */
const handlerProcesses = isBuilt()
  ? { "^\\./child-entry$": "<rootDir>/dist/src/manager/runners/module/child-entry.js" }
  : {};

/** Tests run on the sources through swc; the package's own name resolves to them as well. */
module.exports = {
  testEnvironment: "node",
  roots: ["<rootDir>/test"],
  testMatch: ["**/*.test.ts"],
  transform: {
    "^.+\\.tsx?$": [
      "@swc/jest",
      {
        jsc: {
          parser: { syntax: "typescript", decorators: true },
          transform: { legacyDecorator: true, decoratorMetadata: true },
          target: "es2022",
        },
        module: { type: "commonjs", ignoreDynamic: true },
        sourceMaps: "inline",
      },
    ],
  },
  moduleNameMapper: {
    "^tasker$": "<rootDir>/src/index.ts",
    "^tasker/client$": "<rootDir>/src/client/index.ts",
    ...handlerProcesses,
  },
  testSequencer: "<rootDir>/test/support/sequencer.js",
  // A net for what hangs, not a measure: machines that are shared may be several times slower for minutes.
  testTimeout: 300_000,
};
