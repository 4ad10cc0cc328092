/**
 * Asks again until the answer is neither null, undefined, false nor NaN (a number that is not in a text yet); throws after
 * `ms`, naming what was waited for.
 */
export async function until<T>(what: string, ask: () => T | Promise<T>, ms = 60_000): Promise<NonNullable<T>> {
  const end = Date.now() + ms;
  for (;;) {
    const answer = await ask();
    if (answer !== null && answer !== undefined && answer !== false && !Number.isNaN(answer)) return answer;
    if (Date.now() > end) throw new Error(`Waited ${ms} ms in vain for ${what}.`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
