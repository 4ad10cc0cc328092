import { type ExactJsonObject, ExactNumber, writeExact } from "../../../model/json/exact-json";

/**
 * The payload does not give what the type's command or request needs; no attempt would help.
 * `message` is a sentence.
 */
export class InvalidPayload extends Error {
  constructor(message: string) {
    super(message);
    this.name = "InvalidPayload";
  }
}

const PLACE = /\{\{\s*payload((?:\.[A-Za-z0-9_-]+)+)\s*\}\}/g;

/**
 * Fills `{{payload.a.b}}` in a command's arguments. Each argument stays exactly one, whatever the
 * payload holds: strings and numbers as they were sent, booleans as text, objects and arrays as
 * JSON. Throws InvalidPayload for a missing or null field, a NUL, and for a value that would turn
 * its argument into an option: one that begins with `-` at an argument's start, unless the command
 * itself has put `--` before it.
 */
export function fillArguments(templates: readonly string[], payload: ExactJsonObject): string[] {
  let optionsOver = false;
  return templates.map((template) => {
    const argument = template.replace(PLACE, (place, dotted: string) => textAt(payload, dotted.slice(1), place));
    if (argument !== template && argument.startsWith("-") && !template.startsWith("-") && !optionsOver) {
      throw new InvalidPayload(
        `The payload would make the argument "${template}" begin with "-", which the program could take for an option. ` +
          'Write "--" before it in the command, or put the value behind a fixed text (--name={{payload.name}}).',
      );
    }
    if (template === "--") optionsOver = true;
    return argument;
  });
}

function textAt(payload: ExactJsonObject, dotted: string, place: string): string {
  let value: unknown = payload;
  for (const key of dotted.split(".")) {
    const holds = value !== null && typeof value === "object" && !(value instanceof ExactNumber);
    if (!holds || !Object.hasOwn(value as object, key)) value = undefined;
    else value = (value as Record<string, unknown>)[key];
  }
  if (value === undefined || value === null) {
    throw new InvalidPayload(`The command needs ${place}, and the payload has no such field.`);
  }
  const text = typeof value === "object" ? writeExact(value) : String(value);
  if (text.includes("\0")) throw new InvalidPayload(`${place} holds a NUL character, which no argument can carry.`);
  return text;
}

const INTERPRETER = /^(?:(?:ba|da|z|k|a|fi)?sh|busybox|env|node|python[\d.]*|perl|ruby|php)$/;
const CODE_FOLLOWS = /^(?:-[a-z]*[ce]|-r|--eval|--command)$/;

/**
 * The argument of `command` that would run payload as code (`[sh, -c, "echo {{payload.name}}"]`),
 * or null. No quoting makes that safe; a program text takes values as arguments of its own: `[sh,
 * -c, 'echo "$1"', sh, "{{payload.name}}"]`.
 */
export function payloadAsCode(command: readonly string[]): string | null {
  const interpreter = command.findIndex((word) => INTERPRETER.test(word.slice(word.lastIndexOf("/") + 1)));
  if (interpreter < 0) return null;
  const flag = command.findIndex((word, at) => at > interpreter && CODE_FOLLOWS.test(word));
  const code = flag < 0 ? undefined : command[flag + 1];
  return code?.match(PLACE) ? code : null;
}
