import type { Store } from "../../src/store/store";
import { accessContract } from "./contract/access";
import { claimContract } from "./contract/claim";
import { createContract } from "./contract/create";
import { endedContract } from "./contract/ended";
import { endpointsContract } from "./contract/endpoints";
import { feedContract } from "./contract/feed";
import { finishContract } from "./contract/finish";
import { generationContract } from "./contract/generations";
import { incarnationContract } from "./contract/incarnations";
import { lateContract } from "./contract/late";
import { listContract } from "./contract/list";
import { upkeepContract } from "./contract/maintenance";
import { operatorContract } from "./contract/operator";
import { recorderContract } from "./contract/recorder";
import { registerContract } from "./contract/register";
import { settledContract } from "./contract/settled";

/** What a suite gets from the database it runs on. */
export interface Subject {
  store: Store;
  /** The same database through another process's eyes; where there can be none, the same store. */
  other: Store;
  /** Beside the store: what an operator or another program would do. Times are `2026-11-22 10:11:12.123`. */
  sql(text: string, values?: Array<string | number | null>): Promise<Array<Record<string, unknown>>>;
}

/** Everything src/store/store.ts promises, whatever the database. */
export function storeContract(subject: () => Subject): void {
  createContract(subject);
  claimContract(subject);
  finishContract(subject);
  lateContract(subject);
  generationContract(subject);
  incarnationContract(subject);
  operatorContract(subject);
  recorderContract(subject);
  registerContract(subject);
  settledContract(subject);
  endpointsContract(subject);
  upkeepContract(subject);
  endedContract(subject);
  listContract(subject);
  feedContract(subject);
  accessContract(subject);
}
