import { type Channel, type ChannelModel, connect } from "amqplib";
import { management } from "./services";
import { until } from "./until";

/** What tests ask of, and do to, a broker behind tasker's back. */
export interface BrokerView {
  /** A plain channel to the vhost, for what tasker itself never does. */
  channel: Channel;
  /** Opens another after a refused request closed the last one. */
  renew(): Promise<Channel>;
  close(): Promise<void>;
}

export async function lookInto(uri: string): Promise<BrokerView> {
  const model: ChannelModel = await connect(uri);
  model.on("error", () => {});
  const open = async () => {
    const channel = await model.createChannel();
    channel.on("error", () => {});
    return channel;
  };
  const view: BrokerView = {
    channel: await open(),
    renew: async () => {
      view.channel = await open();
      return view.channel;
    },
    close: () => model.close().catch(() => {}),
  };
  return view;
}

interface ConnectionRow {
  name: string;
  channels: number;
  client_properties?: { connection_name?: string };
}

/** Connections to the vhost that tasker made, as the management plugin sees them (some seconds late). */
export async function connectionsOf(vhost: string): Promise<ConnectionRow[]> {
  const rows = (await management("GET", `vhosts/${encodeURIComponent(vhost)}/connections`)) as ConnectionRow[];
  return rows.filter((row) => row.client_properties?.connection_name?.startsWith("tasker "));
}

/** Makes the broker close tasker's connections to the vhost (CONNECTION_FORCED). Waits until it knows `expected` of them. */
export async function closeConnections(vhost: string, expected: number): Promise<void> {
  const rows = await until(`${expected} connections to ${vhost}`, async () => {
    const found = await connectionsOf(vhost);
    return found.length >= expected ? found : null;
  });
  for (const row of rows) {
    await management("DELETE", `connections/${encodeURIComponent(row.name)}`).catch(() => {});
  }
}
