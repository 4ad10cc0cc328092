import type { TaskTypeConfig } from "../../config/config";
import type { SubmitRequest } from "../../model/handler";
import type { ManagerContext } from "../context";
import { AttemptLogs } from "./logs";
import { ProgressReports } from "./progress";
import { submitRequest } from "./submit";

/** What running attempts say through their manager. */
export class Reports {
  readonly progress: ProgressReports;
  readonly logs: AttemptLogs;

  constructor(private readonly context: ManagerContext) {
    this.progress = new ProgressReports(context);
    this.logs = new AttemptLogs(context);
  }

  submit(from: TaskTypeConfig, type: string, request: SubmitRequest, signal: AbortSignal): Promise<{ id: string }> {
    return submitRequest(this.context, from, type, request, signal);
  }

  /** Writes what has gathered. Never rejects. */
  async flush(): Promise<void> {
    await Promise.all([this.progress.flush(), this.logs.flush()]);
  }
}
