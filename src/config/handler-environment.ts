/** Variables written since `settleEnvironment`, with their former values. */
const touched = new Map<string, string | undefined>();
const env = process.env;

/**
 * Records each write to the environment. Comparing all variables after every attempt would cost a
 * handler process more than everything else it does beside the handler.
 */
export function watchEnvironment(): void {
  const note = (name: string | symbol): void => {
    if (typeof name === "string" && !touched.has(name)) touched.set(name, env[name]);
  };
  process.env = new Proxy(env, {
    set: (_, name, value) => {
      note(name);
      return Reflect.set(env, name, value);
    },
    defineProperty: (_, name, descriptor) => {
      note(name);
      return Reflect.defineProperty(env, name, descriptor);
    },
    deleteProperty: (_, name) => {
      note(name);
      return Reflect.deleteProperty(env, name);
    },
  });
}

/** Makes the present environment the one that `restoreEnvironment` puts back. */
export function settleEnvironment(): void {
  touched.clear();
}

export function restoreEnvironment(): void {
  for (const [name, value] of touched) {
    if (value === undefined) delete env[name];
    else env[name] = value;
  }
  touched.clear();
}
