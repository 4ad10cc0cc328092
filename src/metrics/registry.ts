import { Counter, collectDefaultMetrics, Gauge, Registry } from "prom-client";
import type { Transport } from "../transport/transport";
import { VERSION } from "../version";

/** What every process of tasker shows: node's own figures, its version, and its connections to the broker. */
export function processRegistry(transport: Transport, role: "api" | "manager" | "api+manager"): Registry {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  new Gauge({ name: "tasker_info", help: "Always 1", labelNames: ["version", "role"], registers }).set(
    { version: VERSION, role },
    1,
  );
  fromHealth("tasker_amqp_reconnects_total", "Times a connection to the broker was made anew", "reconnects");
  fromHealth("tasker_messages_parked_total", "Messages nobody could understand, put into tasker.dead", "parked");
  new Gauge({
    name: "tasker_broker_connected",
    help: "1 while the broker is connected and takes messages",
    registers,
    collect() {
      const { connected, blocked } = transport.health();
      this.set(connected && !blocked ? 1 : 0);
    },
  });
  return registry;

  function fromHealth(name: string, help: string, figure: "reconnects" | "parked"): void {
    let told = 0;
    new Counter({
      name,
      help,
      registers,
      collect() {
        const now = transport.health()[figure];
        if (now > told) this.inc(now - told);
        told = Math.max(told, now);
      },
    });
  }
}
