import { until } from "../support/until";
import { ALL_MODES, type Body, type TestSystem, world } from "../support/world";
import { alive, folder, fresh, perform, stands } from "./support";

const REPORT = `#!/bin/sh
# Says what it was given: arguments, standard input, environment.
printf 'args: %s\\nstdin: %s\\n' "$*" "$(cat)"
echo "::progress 0.4 halfway"
echo "warned" >&2
echo "{\\"count\\": $#, \\"first\\": \\"$1\\", \\"task\\": \\"$TASKER_TASK_ID\\", \\"trace\\": \\"$TRACEPARENT\\", \\"secret\\": \\"$STORY_SECRET\\", \\"passed\\": \\"$STORY_PASSED\\"}"
`;

const FILES = {
  "report.sh": REPORT,
  "exit.sh": '#!/bin/sh\necho "so far"\nexit "$1"\n',
  // Ends when told to; its child does not listen, and shares its process group.
  "gentle.sh": `#!/bin/sh
trap 'echo told; kill -KILL $child; exit 0' TERM
sh -c 'trap "" TERM; sleep 600' & child=$!
echo "child $child"
echo "::progress 0.5 begun"
wait
`,
  "deaf.sh": `#!/bin/sh
trap '' TERM
sh -c 'trap "" TERM; sleep 600' & echo "child $!"
while :; do sleep 1; done
`,
  "orphan.sh": `#!/bin/sh
sleep 600 &
echo "{\\"child\\": $!}"
`,
  "flood.sh": "#!/bin/sh\nhead -c 100000000 /dev/zero | tr '\\\\0' 'x'\necho\necho end\n",
  "plain.txt": "not a program\n",
};

/** Programs on a machine, as people knew them from a command runner behind HTTP. */
describe.each(ALL_MODES)("a command runner, %s", (mode) => {
  let w: TestSystem;
  let files: Awaited<ReturnType<typeof folder>>;
  const trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

  beforeAll(async () => {
    process.env.STORY_SECRET = "not for commands";
    process.env.STORY_PASSED = "passed on";
    files = await folder(FILES);
    const program = (name: string) => `${files.dir}/${name}`;
    const once = { attempts: 1, grace: "300ms" };
    w = await world(mode, {
      types: {
        report: {
          ...once,
          command: [program("report.sh"), "{{payload.name}}", "at={{payload.at}}"],
          env: ["STORY_PASSED"],
        },
        exit: { ...once, command: [program("exit.sh"), "{{payload.code}}"], success_codes: [0, 3] },
        gentle: { ...once, grace: "5s", command: [program("gentle.sh")] },
        deaf: { ...once, command: [program("deaf.sh")] },
        orphan: { ...once, command: [program("orphan.sh")] },
        flood: { ...once, command: [program("flood.sh")], max_output: "4kb" },
        missing: { ...once, command: [program("nowhere")] },
        plain: { ...once, command: [program("plain.txt")] },
        unsafe: { ...once, command: ["sh", "-c", "echo {{payload.name}}"] },
        alone: { ...once, command: [program("report.sh"), "{{payload.name}}"] },
      },
    });
    await w.manager("host-1");
  });
  afterAll(async () => {
    await w.close();
    await files.remove();
    delete process.env.STORY_SECRET;
    delete process.env.STORY_PASSED;
  });

  const run = (type: string, payload: object = {}, more: object = {}) =>
    perform(w, type, { identifier: fresh(), payload, ...more });
  const logOf = async (task: Body) =>
    (await w.get(`/${task.type}/${task.id}/responses/host-1/log`)).body.items.map((piece: Body) => piece.text).join("");

  test("its arguments, standard input and environment are exactly what the type says; its last line is the result", async () => {
    const payload = { name: "a b; echo $(id) `id`\n'\"", at: 7 };
    const submitted = await w.post("/report", { identifier: fresh(), payload }, { traceparent: trace });
    const { responses, id } = await w.settled(submitted.body);
    expect(responses[0]).toMatchObject({ status: "succeeded", progress: 1 });
    // The name has a line break and quotes: the last line is no JSON then, and the facts are the result.
    expect(responses[0].result).toMatchObject({ exit_code: 0, signal: null, stderr: "warned\n" });
    expect(responses[0].result_text).toContain(`args: ${payload.name} at=7\n`);
    expect(responses[0].result_text).toContain(`stdin: ${JSON.stringify(payload)}\n`);

    const plain = await run("report", { name: "pears", at: "dock" });
    expect(plain.result).toMatchObject({ count: 2, first: "pears", secret: "", passed: "passed on" });
    const traced = await w.post(
      "/report",
      { identifier: fresh(), payload: { name: "x", at: 1 } },
      { traceparent: trace },
    );
    const { task, trace: handed } = (await w.settled(traced.body)).responses[0].result;
    expect([task, handed.split("-")[1]]).toEqual([traced.body.id, trace.split("-")[1]]);
    expect(id).not.toBe(traced.body.id);
  });

  test("what tries to pass for an option, code or a second argument is refused or stays one argument", async () => {
    for (const name of ["--delete-all", "-rf"]) {
      expect(await run("alone", { name })).toMatchObject({ status: "failed", reason: "invalid_payload" });
    }
    expect(await run("alone", {})).toMatchObject({ status: "failed", reason: "invalid_payload" });
    expect(await run("alone", { name: "nul\0" })).toMatchObject({ status: "failed", reason: "invalid_payload" });
    expect(await run("unsafe", { name: "$(id)" })).toMatchObject({ status: "failed", reason: "unsafe_command" });
    const smuggled = await run("alone", {
      name: "x",
      STORY_SECRET: "y",
      env: { LD_PRELOAD: "z" },
      __proto__: { a: 1 },
    });
    expect(smuggled.result).toMatchObject({ count: 1, secret: "" });
  });

  test("exit codes are recorded; those on the list are successes", async () => {
    expect(await run("exit", { code: 3 })).toMatchObject({ status: "succeeded", result: { exit_code: 3 } });
    const failed = await run("exit", { code: 9 });
    expect(failed).toMatchObject({ status: "failed", reason: "exit_code", result_text: "so far\n" });
    expect(failed.result).toMatchObject({ exit_code: 9, signal: null, duration_ms: expect.any(Number) });
  });

  test("progress and log come while it runs; the log can be followed to its end", async () => {
    const task = await w.submit("gentle", { identifier: fresh() });
    await stands(w, task, "its progress", (now) => now.progress === 0.5);
    const response = await fetch(`${w.url}/gentle/${task.id}/responses/host-1/log`, {
      headers: { accept: "text/event-stream" },
    });
    let told = "";
    const reader = response.body!.getReader();
    const read = async () => {
      const { value, done } = await reader.read();
      if (value) told += Buffer.from(value).toString();
      return done;
    };
    while (!told.includes("child ")) await read();
    const child = Number(/child (\d+)/.exec(told)![1]);
    expect(alive(child)).toBe(true);

    // Told to stop, it ends by itself: the answer waits for it.
    const { status, body } = await w.post(`/gentle/${task.id}/cancel?wait=10`);
    expect([status, body.outcomes]).toEqual([
      202,
      [{ endpoint: "host-1", job: null, outcome: "stopped", status: "cancelled" }],
    ]);
    expect(body.task).toMatchObject({ status: "cancelled", responses: [{ status: "cancelled", reason: "cancelled" }] });
    while (!(await read()));
    expect(told).toContain("told");
    expect(told.trimEnd().endsWith("event: end\ndata: {}")).toBe(true);
    await until("its child to be gone", () => !alive(child));
  });

  test("what does not listen is killed with its whole group, by a cancel and by its timeout", async () => {
    const task = await w.submit("deaf", { identifier: fresh() });
    const child = await until("its child", async () => Number(/child (\d+)/.exec(await logOf(task))?.[1]));
    expect(alive(child)).toBe(true);
    const { body } = await w.post(`/deaf/${task.id}/cancel`, {}, { prefer: "wait=10" });
    expect(body.outcomes).toMatchObject([{ outcome: "killed", status: "cancelled" }]);
    expect(body.task.responses[0]).toMatchObject({ status: "cancelled", reason: "killed" });
    await until("the child to be gone", () => !alive(child));
    const again = await w.post(`/deaf/${task.id}/cancel`);
    expect([again.status, again.body.outcomes[0].outcome]).toEqual([200, "finished"]);

    const late = await w.submit("deaf", { identifier: fresh(), timeout: "500ms" });
    const { responses } = await w.settled(late);
    expect(responses[0]).toMatchObject({ status: "failed", reason: "timeout" });
    expect(responses[0].error).toContain("was killed");
    const other = Number(/child (\d+)/.exec(await logOf(late))![1]);
    await until("that child to be gone", () => !alive(other));
  });

  test("a child that would outlive it is ended with it", async () => {
    const { status, result } = await run("orphan");
    expect(status).toBe("succeeded");
    await until("the child to be gone", () => !alive(result.child));
  });

  test("a hundred megabytes of output are cut with a mark, and a neighbour does not notice", async () => {
    const [flood, neighbour] = await Promise.all([run("flood"), run("exit", { code: 0 })]);
    expect(neighbour).toMatchObject({ status: "succeeded", attempt: 1 });
    expect(flood.status).toBe("succeeded");
    expect(flood.result_text.length).toBeLessThan(5000);
    expect(flood.result_text).toMatch(/… \d{8} bytes left out …/);
    expect(flood.result_text.endsWith("end\n")).toBe(true);
  });

  test("a program that is not there, or none at all, says so", async () => {
    expect(await run("missing")).toMatchObject({ status: "failed", reason: "command_not_found", attempt: 1 });
    expect(await run("plain")).toMatchObject({ status: "failed", reason: "command_not_executable", attempt: 1 });
  });
});
