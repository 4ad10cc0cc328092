import { newId } from "../../../../src/model/ids";
import type { TaskDraft } from "../../../../src/model/task";
import { createScript } from "../../../../src/store/sql/tasks/create-script";
import { newTask } from "../../support";

describe("the script that stores new tasks", () => {
  test("puts in the tasks first, so that a repetition has cost no row of a response when it is refused", () => {
    const toAll: TaskDraft = { ...newTask(), endpoints: null };
    for (const tasks of [
      [toAll],
      [newTask()],
      [newTask({ endpoints: ["lb-1", "lb-2"] }), toAll, newTask({ id: newId() })],
    ]) {
      const statements = createScript(tasks)!
        .split("; ")
        .map((text) => text.split(" (")[0]);
      const tasksAt = statements.indexOf("INSERT INTO tasks");
      expect(tasksAt).toBeGreaterThan(0);
      expect(statements.indexOf("INSERT INTO task_responses")).toBeGreaterThan(tasksAt);
    }
  });
});
