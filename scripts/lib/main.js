/**
 * Runs a script's body. What it returns is the exit code (nothing: 0); what it throws is told in one sentence, exit code 1.
 *
 * @param {() => Promise<number | void>} body
 */
function main(body) {
  body().then(
    (code) => {
      process.exitCode = code ?? 0;
    },
    (error) => {
      console.error(error instanceof Error ? error.message : String(error));
      process.exitCode = 1;
    },
  );
}

module.exports = { main };
