import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { configFrom } from "../../src/config/loading/load";

/** There is no Docker engine and no systemd to run these files with: what can be held without them is held here. */
const ROOT = join(__dirname, "../..");
const text = (name: string) => readFileSync(join(ROOT, "deploy", name), "utf8");
const withVariables = (file: string) =>
  file.replace(/\$\{(\w+)(?::-([^}]*))?\}/g, (_, name, other) => VARIABLES[name] ?? other);

const VARIABLES: Record<string, string> = {
  TASKER_DATABASE_URI: "mysql://tasker:secret@mysql/tasker",
  TASKER_BROKER_URI: "amqp://tasker:secret@rabbitmq/tasker",
};

interface Compose {
  services: Record<
    string,
    { command?: string[]; environment?: object; volumes?: string[]; depends_on?: Record<string, object> }
  >;
  volumes: Record<string, null>;
}
const compose = parse(text("compose.yaml"), { merge: true }) as Compose;

test("the compose file has API, manager, broker and database, and starts nothing before what it depends on is named", () => {
  expect(Object.keys(compose.services).sort()).toEqual(["api", "initialize", "manager", "mysql", "rabbitmq"]);
  for (const service of Object.values(compose.services)) {
    for (const name of Object.keys(service.depends_on ?? {})) expect(compose.services[name]).toBeDefined();
    for (const volume of service.volumes ?? []) {
      const [from] = volume.split(":") as [string];
      expect([from, from.startsWith(".") ? existsSync(join(ROOT, "deploy", from)) : from in compose.volumes]).toEqual([
        from,
        true,
      ]);
    }
  }
});

test("no password has a default", () => {
  expect(text("compose.yaml").match(/\$\{\w*(PASSWORD|HASH)\w*(?!:\?)[^}?]*\}/g)).toBeNull();
});

test("the config of the compose file is one that tasker takes", () => {
  const config = configFrom(parse(withVariables(text("compose.tasker.yaml"))) as never);
  expect(config.manager.port).toBe(9300);
  expect(config.broker.queueType).toBe("quorum");
  expect(config.api.keys.map(({ name }) => name)).toEqual(["compose"]);
});

test("the image is made from files that there are, and does not run as root", () => {
  const docker = text("Dockerfile");
  const copied = [...docker.matchAll(/^COPY (?!--from)(.*) \S+$/gm)].flatMap(([, files]) => files!.split(" "));
  for (const file of copied) expect([file, existsSync(join(ROOT, file))]).toEqual([file, true]);
  expect(docker).toMatch(/^USER node$/m);
  expect(docker).toMatch(/^HEALTHCHECK /m);
});

test.each(readdirSync(join(ROOT, "deploy/systemd")))(
  "the unit %s drains longer than tasker does, and restarts",
  (name) => {
    const unit = text(join("systemd", name));
    const { api, manager } = configFrom({});
    const drainMs = name.includes("manager") ? manager.drainMs + manager.graceMs : api.drainMs;
    expect(Number(/^TimeoutStopSec=(\d+)$/m.exec(unit)![1]) * 1000).toBeGreaterThan(drainMs);
    expect(unit).toMatch(
      /^ExecStart=\/usr\/bin\/node \/opt\/tasker\/dist\/src\/cli\/main\.js (api|manager --endpoint %i)$/m,
    );
    expect(unit).toMatch(/^Restart=always$/m);
  },
);

test.each(readdirSync(join(ROOT, "deploy/systemd")))(
  "the unit %s is shut in as far as node and handlers allow",
  (name) => {
    const lines = text(join("systemd", name)).split("\n");
    const yes = [
      ..."NoNewPrivileges PrivateTmp PrivateDevices ProtectHome ProtectClock ProtectHostname ProtectKernelLogs".split(
        " ",
      ),
      ..."ProtectKernelTunables ProtectKernelModules ProtectControlGroups RestrictNamespaces RestrictRealtime".split(
        " ",
      ),
      ..."RestrictSUIDSGID RemoveIPC LockPersonality".split(" "),
    ].map((key) => `${key}=true`);
    expect(lines).toEqual(
      expect.arrayContaining([
        ...yes,
        "User=tasker",
        "ProtectSystem=strict",
        "ProtectProc=invisible",
        "CapabilityBoundingSet=",
        "RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK",
        "SystemCallArchitectures=native",
        "SystemCallFilter=@system-service",
        "UMask=0077",
      ]),
    );
    // V8 writes the code that it runs.
    expect(lines).not.toContain("MemoryDenyWriteExecute=true");
  },
);
