function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** The smallest number that `part` (0–1) of them do not exceed. */
function percentile(numbers, part) {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(part * sorted.length) - 1))];
}

/** Of several runs: the median, and the least and the most. */
function summary(numbers) {
  return { median: median(numbers), min: Math.min(...numbers), max: Math.max(...numbers), runs: numbers };
}

module.exports = { median, percentile, summary };
