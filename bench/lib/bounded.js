/** Work that takes this many times as long as expected, and a margin, has failed. */
const PATIENCE = 4;
const GRACE_SECONDS = 120;

/**
 * Does something that is expected to take so many seconds, and rejects when it takes far longer. What it was waiting for goes away
 * with the servers that the caller closes.
 *
 * @param {() => Promise<T>} work
 * @returns {Promise<T>} @template T
 */
async function bounded(name, seconds, work) {
  const most = seconds * PATIENCE + GRACE_SECONDS;
  let timer;
  const late = new Promise((_, reject) => {
    const why = `${name} should take about ${Math.round(seconds)} s and has not ended after ${Math.round(most)} s.`;
    timer = setTimeout(() => reject(new Error(why)), most * 1000);
  });
  const done = work();
  done.catch(() => {});
  try {
    return await Promise.race([done, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Announces how long the parts of a run take on an idle machine, and after each the rest. */
class Clock {
  /** @param {{ name: string, seconds: number }[]} parts */
  constructor(parts) {
    this.left = new Map(parts.map(({ name, seconds }) => [name, seconds]));
    this.began = Date.now();
  }

  announced() {
    const most = Math.round((this.sum() * PATIENCE + GRACE_SECONDS * this.left.size) / 60);
    return `This will take about ${minutes(this.sum())} on a quiet machine, and at most ${most} min: ${[...this.left]
      .map(([name, seconds]) => `${name} ${Math.round(seconds)} s`)
      .join(", ")}.`;
  }

  after(name) {
    this.left.delete(name);
    const spent = minutes((Date.now() - this.began) / 1000);
    return this.left.size === 0 ? `It took ${spent}.` : `${spent} so far, about ${minutes(this.sum())} left.`;
  }

  sum() {
    return [...this.left.values()].reduce((sum, seconds) => sum + seconds, 0);
  }
}

function minutes(seconds) {
  return seconds < 90 ? `${Math.round(seconds)} s` : `${Math.round(seconds / 60)} min`;
}

module.exports = { bounded, Clock };
