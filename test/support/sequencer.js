const { default: Sequencer } = require("@jest/test-sequencer");

/** What takes longest, longest first: begun early, none of it runs on alone at the end. */
const LONGEST = [
  "docs/commands",
  "faults/kills",
  "ui/pages",
  "faults/freeze",
  "cli/operator",
  "transport/amqp-restart",
  "stories/database-daemon",
  "faults/database",
  "cli/exit-codes",
  "transport/amqp-faults",
  "faults/broker",
  "cli/tasks",
  "pm2",
  "faults/order",
  "faults/results",
  "ui/",
  "stories/",
];

/** A clean clone has no times of earlier runs, by which jest would order the suites. */
module.exports = class extends Sequencer {
  sort(tests) {
    const place = ({ path }) => {
      const found = LONGEST.findIndex((name) => path.includes(`/test/${name}`));
      return found === -1 ? LONGEST.length : found;
    };
    return [...super.sort(tests)].sort((a, b) => place(a) - place(b));
  }
};
