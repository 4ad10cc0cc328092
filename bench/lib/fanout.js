/** Endpoint names e1 … eN, distributed over the processes. */
function dealt(count, processes) {
  const hands = Array.from({ length: processes }, () => []);
  for (let i = 0; i < count; i++) hands[i % processes].push(`e${i + 1}`);
  return hands.filter((hand) => hand.length > 0);
}

/**
 * Keeps `depth` tasks under way until the time is over: responses per second, from the first task to the last response.
 *
 * @param {() => Promise<void>} one sends a task and resolves when it is complete
 */
async function streamed(one, { endpoints, depth, seconds }) {
  const began = performance.now();
  const until = began + seconds * 1000;
  let tasks = 0;
  const lane = async () => {
    do {
      await one();
      tasks++;
    } while (performance.now() < until);
  };
  await Promise.all(Array.from({ length: depth }, lane));
  const took = (performance.now() - began) / 1000;
  return { value: (tasks * endpoints) / took, tasks };
}

module.exports = { dealt, streamed };
