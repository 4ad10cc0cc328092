/** Variables that every command receives where the manager has them. */
const ALWAYS = ["PATH", "HOME", "LANG"];

/** The environment of a command: PATH, HOME, LANG and the variables that its type's `env` names. */
export function passedEnvironment(names: readonly string[]): Record<string, string> {
  const passed: Record<string, string> = {};
  for (const name of [...ALWAYS, ...names]) {
    const value = process.env[name];
    if (value !== undefined) passed[name] = value;
  }
  return passed;
}

/** The environment of a handler process: all of it, since a handler is the user's own code. */
export function handlerEnvironment(): NodeJS.ProcessEnv {
  return process.env;
}
