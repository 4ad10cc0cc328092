import { withoutSecrets } from "../../errors";

interface CodedError {
  code?: string | number;
  message?: string;
}

/** The AMQP reply code of an error, or 0. */
export function replyCode(error: unknown): number {
  const code = (error as CodedError | null)?.code;
  return typeof code === "number" ? code : 0;
}

/** Why there is no connection, as a sentence without its full stop and without passwords. */
export function inWords(error: unknown, where: string): string {
  const { code, message = String(error) } = (error ?? {}) as CodedError;
  if (code === "ECONNREFUSED") return `nothing listens on ${where}; is RabbitMQ running there?`;
  if (code === "ENOTFOUND" || code === "EAI_AGAIN") return `the name of ${where} cannot be resolved`;
  if (code === "ABORT_ERR") return `${where} did not complete the handshake in time`;
  if (message.includes("ACCESS_REFUSED")) return `${where} refused the user name or the password`;
  if (message.includes("NOT_ALLOWED") || message.includes("Expected ConnectionOpenOk; got <ConnectionClose")) {
    return `${where} does not have the vhost, or the user may not use it: run \`npx tasker initialize\``;
  }
  if (message.includes("Socket closed abruptly")) return `${where} closed the connection during the handshake`;
  return withoutSecrets(`${where}: ${message}`);
}
