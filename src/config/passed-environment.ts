/** Variables that every command gets, where the manager has them. */
const ALWAYS = ["PATH", "HOME", "LANG"];

/** The part of this process's environment that a command is given: PATH, HOME, LANG and what its type's `env` names. */
export function passedEnvironment(names: readonly string[]): Record<string, string> {
  const passed: Record<string, string> = {};
  for (const name of [...ALWAYS, ...names]) {
    const value = process.env[name];
    if (value !== undefined) passed[name] = value;
  }
  return passed;
}
/** What a handler's own process is given: everything, for a handler is the user's own code and may have settings of its own. */
export function handlerEnvironment(): NodeJS.ProcessEnv {
  return process.env;
}
