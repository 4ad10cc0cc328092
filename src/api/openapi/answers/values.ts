import { z } from "zod";
import type { Json, JsonObject } from "../../../model/json/json";
import { RESPONSE_STATUSES } from "../../../model/response";

/** What the answers are made of. A nullable value is null in examples, unless it says otherwise. */

export const NOW = "2030-01-31T12:00:01.000Z";
export const time = z.string().meta({ format: "date-time", description: "RFC 3339, UTC, with milliseconds" });
export const past = time.nullable().meta({ example: NOW });
export const uuid = z.string().meta({ format: "uuid" });
export const named = (example: string) => z.string().meta({ example });
export const name = named("loadbalancer-1");
export const type = named("app-update");
export const text = z.string();
export const version = named("0.1.0");
export const share = z.number().min(0).max(1).meta({ example: 0.4 });
export const count = z.int().min(0);
export const milliseconds = count.meta({ example: 30_000 });
/** Any JSON value. Not z.json(), whose recursive schema says the same at length. */
export const json = z.custom<Json>().meta({ description: "Any JSON value", example: { version: "2.1" } });
export const object = z.custom<JsonObject>().meta({ type: "object", example: { version: "2.1" } });
export const responseStatus = z.enum(RESPONSE_STATUSES).meta({ example: "running" });
export const yes = z.boolean().meta({ example: true });
