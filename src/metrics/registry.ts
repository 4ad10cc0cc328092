import { Counter, collectDefaultMetrics, Gauge, Registry } from "prom-client";
import type { Transport } from "../transport/transport";
import { VERSION } from "../version";

/** The metrics of every process: Node's own, the version, and the connections to the broker. */
export function processRegistry(transport: Transport, role: "api" | "manager" | "api+manager" | "recorder"): Registry {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  new Gauge({ name: "tasker_info", help: "Always 1", labelNames: ["version", "role"], registers }).set(
    { version: VERSION, role },
    1,
  );
  fromHealth("tasker_amqp_reconnects_total", "Reconnects to the broker", "reconnects");
  fromHealth("tasker_messages_parked_total", "Messages that could not be understood, put into tasker.dead", "parked");
  new Gauge({
    name: "tasker_broker_connected",
    help: "1 while the broker is connected and accepts messages",
    registers,
    collect() {
      const { connected, blocked } = transport.health();
      this.set(connected && !blocked ? 1 : 0);
    },
  });
  return registry;

  function fromHealth(name: string, help: string, figure: "reconnects" | "parked"): void {
    let counted = 0;
    new Counter({
      name,
      help,
      registers,
      collect() {
        const now = transport.health()[figure];
        if (now > counted) this.inc(now - counted);
        counted = Math.max(counted, now);
      },
    });
  }
}
