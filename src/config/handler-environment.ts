/**
 * The environment of a handler process. It records each write: comparing all variables after every
 * attempt would cost a handler process more than everything else it does beside the handler.
 */
export class HandlerEnvironment {
  /** Variables written since the last `settle`, with their former values. */
  private readonly touched = new Map<string, string | undefined>();
  private readonly env = process.env;

  /** Takes the place of `process.env`. */
  constructor() {
    const { env } = this;
    process.env = new Proxy(env, {
      set: (_, name, value) => {
        this.note(name);
        return Reflect.set(env, name, value);
      },
      defineProperty: (_, name, descriptor) => {
        this.note(name);
        return Reflect.defineProperty(env, name, descriptor);
      },
      deleteProperty: (_, name) => {
        this.note(name);
        return Reflect.deleteProperty(env, name);
      },
    });
  }

  /** Makes the present environment the one that `restore` puts back. */
  settle(): void {
    this.touched.clear();
  }

  restore(): void {
    for (const [name, value] of this.touched) {
      if (value === undefined) delete this.env[name];
      else this.env[name] = value;
    }
    this.touched.clear();
  }

  private note(name: string | symbol): void {
    if (typeof name === "string" && !this.touched.has(name)) this.touched.set(name, this.env[name]);
  }
}
