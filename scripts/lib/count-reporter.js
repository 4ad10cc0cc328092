const fs = require("node:fs");

/** The pipe to the script that started jest. */
const PIPE = 3;

/** A Jest reporter: writes the counts of the whole run, as one JSON document, to the pipe. */
class CountReporter {
  onRunComplete(_contexts, results) {
    const { numPassedTests, numFailedTests, numPendingTests, numTodoTests, numRuntimeErrorTestSuites } = results;
    const counts = {
      passed: numPassedTests,
      // A suite that could not run is a failed test.
      failed: numFailedTests + numRuntimeErrorTestSuites,
      skipped: numPendingTests + numTodoTests,
    };
    fs.writeSync(PIPE, JSON.stringify(counts));
    fs.closeSync(PIPE);
  }
}

module.exports = CountReporter;
