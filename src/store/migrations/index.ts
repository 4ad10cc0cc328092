import { Initial1790000000000 } from "./0001-initial";

/** Oldest first. A migration that has been released is never edited: write another. */
export const MIGRATIONS = [Initial1790000000000];
