function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** The smallest number that a share `part` (0–1) of the numbers does not exceed. */
function percentile(numbers, part) {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(part * sorted.length) - 1))];
}

/** Median, minimum and maximum of several runs. */
function summary(numbers) {
  return { median: median(numbers), min: Math.min(...numbers), max: Math.max(...numbers), runs: numbers };
}

module.exports = { median, percentile, summary };
