import { existsSync } from "node:fs";
import { sep } from "node:path";
import express, { type ErrorRequestHandler, type Express } from "express";
import helmet from "helmet";
import { notFound, type RequestPipeline } from "./request/request-pipeline";

/** Serves what the router's table does not have: the web pages and `route_not_found`. */
export function buildApp(pipeline: RequestPipeline, uiDir: string | undefined): Express {
  const app = express();
  app.disable("x-powered-by");
  app.set("etag", false);
  app.set("query parser", "simple");
  app.enable("case sensitive routing");
  app.use((req, res, next) => (req.method === "OPTIONS" ? pipeline.serveError(notFound(req), req, res) : next()));
  if (uiDir !== undefined && existsSync(uiDir)) mountPages(app, uiDir);
  app.use((req, res) => pipeline.serveError(notFound(req), req, res));
  const failed: ErrorRequestHandler = (error, req, res, _next) => {
    // Express itself throws only for a path that cannot be decoded: such an address does not exist.
    pipeline.serveError(error instanceof URIError ? notFound(req) : error, req, res);
  };
  app.use(failed);
  return app;
}

/** Static files, nothing inline or from other hosts. Pages are fragments of one file. */
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
  app.use("/ui", headers, (req, res, next) => {
    // Relative, here and below: a reverse proxy may show us under another path than we know.
    if (req.originalUrl.split("?")[0] === "/ui") res.redirect(302, "ui/");
    else next();
  });
  app.use("/ui", express.static(uiDir, { index: "index.html", redirect: false, setHeaders: cacheFor }));
  app.get("/", (_req, res) => res.redirect(302, "ui/"));
}

/** Files below assets/ have a digest in their name; the others change with an upgrade. */
function cacheFor(res: { setHeader(name: string, value: string): unknown }, file: string): void {
  const immutable = file.includes(`${sep}assets${sep}`);
  res.setHeader("Cache-Control", immutable ? "public, max-age=31536000, immutable" : "no-cache");
}
