import { Initial1790000000000 } from "./0001-initial";
import { Lean1795300000000 } from "./0002-lean";
import { Feed1795400000000 } from "./0003-feed";
import { Agenda1795500000000 } from "./0004-agenda";
import { EndpointLives1795700000000 } from "./0006-endpoint-lives";
import { Askers1795800000000 } from "./0007-askers";

/** Oldest first. Never edit a released migration: write another. */
export const MIGRATIONS = [
  Initial1790000000000,
  Lean1795300000000,
  Feed1795400000000,
  Agenda1795500000000,
  EndpointLives1795700000000,
  Askers1795800000000,
];
