import { existsSync } from "node:fs";
import { join } from "node:path";
import express, { type ErrorRequestHandler, type Express } from "express";
import helmet from "helmet";
import type { RouteId } from "./permissions";
import { ROUTES } from "./routes";
import { type Gatekeeper, notFound } from "./serve";

/** The Express application: every route of the contract, and the web pages where there are any. */
export function buildApp(gate: Gatekeeper, uiDir: string | undefined): Express {
  const app = express();
  app.disable("x-powered-by");
  app.set("etag", false);
  app.set("query parser", "simple");
  app.enable("case sensitive routing");
  app.use((req, res, next) => (req.method === "OPTIONS" ? gate.serveError(notFound(req), req, res) : next()));
  if (uiDir !== undefined && existsSync(uiDir)) mountPages(app, uiDir);
  for (const [id, handler] of Object.entries(ROUTES) as Array<[RouteId, (typeof ROUTES)[RouteId]]>) {
    const [method, path] = id.split(" ") as [string, string];
    app[method === "POST" ? "post" : "get"](path, (req, res) =>
      gate.serve(id, handler, req, res, req.params as Record<string, string>),
    );
  }
  app.use((req, res) => gate.serveError(notFound(req), req, res));
  const failed: ErrorRequestHandler = (error, req, res, _next) => {
    // A path that cannot be decoded is Express's only complaint of its own: such an address does not exist.
    gate.serveError(error instanceof URIError ? notFound(req) : error, req, res);
  };
  app.use(failed);
  return app;
}

/** Static files, nothing inline and nothing from elsewhere; an address of the pages' own router gets index.html. */
function mountPages(app: Express, uiDir: string): void {
  const headers = helmet({
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'none'"],
        scriptSrc: ["'self'"],
        styleSrc: ["'self'"],
        imgSrc: ["'self'", "data:"],
        fontSrc: ["'self'"],
        connectSrc: ["'self'"],
        manifestSrc: ["'self'"],
        formAction: ["'self'"],
        baseUri: ["'none'"],
        frameAncestors: ["'none'"],
      },
    },
    strictTransportSecurity: false,
    referrerPolicy: { policy: "same-origin" },
    xFrameOptions: { action: "deny" },
  });
  app.use("/ui", headers, express.static(uiDir, { index: "index.html", maxAge: "1h", redirect: false }));
  app.get("/ui/*path", (req, res, next) => {
    if (/\.[a-z0-9]+$/i.test(req.path)) return next();
    res.set("Cache-Control", "no-cache").sendFile(join(uiDir, "index.html"));
  });
  app.get("/", (req, res) => res.redirect(302, `${req.baseUrl}/ui/`));
}
