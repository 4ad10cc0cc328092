import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export interface Authority {
  /** Its own certificate (PEM). */
  ca: string;
  /** A certificate of this name for a server (`IP:127.0.0.1`, `DNS:db.example`), or for a client. */
  issue(name: string, alternative?: string): { cert: string; key: string };
}

/** An authority of the test's own, made with openssl; everything lies in `dir` and is good for two days. */
export function authority(dir: string, name: string): Authority {
  mkdirSync(dir, { recursive: true });
  const file = (suffix: string) => join(dir, `${name}.${suffix}`);
  const openssl = (...args: string[]) => execFileSync("openssl", args, { stdio: "pipe" });
  const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  const [ca, caKey] = [file("ca.pem"), file("ca.key")];
  openssl("req", "-x509", ...newKey, "-keyout", caKey, "-out", ca, "-days", "2", "-subj", `/CN=${name}`);
  return {
    ca,
    issue(subject, alternative) {
      const [cert, key, request, extensions] = ["pem", "key", "csr", "ext"].map((suffix) =>
        file(`${subject.replace(/\W/g, "-")}.${suffix}`),
      ) as [string, string, string, string];
      openssl("req", ...newKey, "-keyout", key, "-out", request, "-subj", `/CN=${subject}`);
      writeFileSync(extensions, alternative ? `subjectAltName=${alternative}\n` : "basicConstraints=CA:FALSE\n");
      const signed = ["-CA", ca, "-CAkey", caKey, "-CAcreateserial", "-days", "2", "-extfile", extensions];
      openssl("x509", "-req", "-in", request, "-out", cert, ...signed);
      return { cert, key };
    },
  };
}
