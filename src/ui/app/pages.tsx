import type { FunctionComponent } from "preact";
import { EndpointPage } from "../pages/endpoints/endpoint";
import { EndpointsPage } from "../pages/endpoints/endpoints";
import { FindPage } from "../pages/find";
import { MatrixPage } from "../pages/matrix/matrix";
import { NotFound } from "../pages/not-found";
import { OverviewPage } from "../pages/overview/overview";
import { ResponsePage } from "../pages/response/response";
import { SystemPage } from "../pages/system";
import { TaskPage } from "../pages/task/task";
import { TasksPage } from "../pages/tasks/tasks";
import { TypePage } from "../pages/types/type";
import { TypesPage } from "../pages/types/types";
import type { PageProps } from "./router";

interface Entry {
  name: string;
  label?: string;
}

export const PAGES: readonly Entry[] = [
  { name: "overview", label: "Overview" },
  { name: "tasks", label: "Tasks" },
  { name: "matrix", label: "Matrix" },
  { name: "endpoints", label: "Endpoints" },
  { name: "types", label: "Types" },
  { name: "system", label: "System" },
];

export interface Found {
  component: FunctionComponent<PageProps>;
  /** Its entry in the navigation. */
  nav: string;
  /** A different key makes a new page with new state. */
  key: string;
  wide?: boolean;
}

export function pageOf(parts: readonly string[]): Found {
  const [first = "overview", type, id, word, endpoint] = parts;
  const key = parts.join("/");
  const found = (component: Found["component"], nav = first, wide = false): Found => ({ component, nav, key, wide });
  if (first === "overview") return found(OverviewPage);
  if (first === "tasks" && type && id && word === "responses" && endpoint) return found(ResponsePage);
  if (first === "tasks" && type && id) return found(TaskPage);
  if (first === "tasks" && !type) return found(TasksPage);
  if (first === "matrix") return found(MatrixPage, first, true);
  if (first === "endpoints") return found(type ? EndpointPage : EndpointsPage);
  if (first === "types") return found(type ? TypePage : TypesPage);
  if (first === "system") return found(SystemPage);
  if (first === "find" && type) return found(FindPage, "tasks");
  return found(NotFound, "");
}
