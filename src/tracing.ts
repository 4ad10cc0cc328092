import {
  type Attributes,
  context,
  type Link,
  ProxyTracerProvider,
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  trace,
} from "@opentelemetry/api";

/**
 * Spans along a task's path: create → send → process → handle. Only OpenTelemetry's API is used.
 * Without an SDK in the process no spans are made, and the traceparent of a request is passed on
 * unchanged.
 */
export const PRODUCER = SpanKind.PRODUCER;
export const CONSUMER = SpanKind.CONSUMER;
export const INTERNAL = SpanKind.INTERNAL;

export interface TracedSpan {
  /** For the next span: this span's own if spans are recorded, else the given one. */
  traceparent: string | null;
  set(attributes: Attributes): void;
  /** Marks the span as failed, for work that failed without a throw. */
  failed(message: string): void;
}

interface About {
  kind: SpanKind;
  traceparent: string | null;
  attributes: Attributes;
  links?: readonly string[];
}

const FORM = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/;
const tracer = trace.getTracer("tasker");

/**
 * Runs `work` inside an active span below `traceparent` (null: below the active span, or in a new
 * trace). A throw marks the span as failed and is rethrown.
 */
export function traced<T>(name: string, about: About, work: (span: TracedSpan) => Promise<T>): Promise<T> {
  return isRecorded() ? record(name, about, work) : work(unrecorded(about.traceparent));
}

async function record<T>(name: string, about: About, work: (span: TracedSpan) => Promise<T>): Promise<T> {
  const parent = about.traceparent === null ? null : spanContextOf(about.traceparent);
  const within = parent ? trace.setSpanContext(ROOT_CONTEXT, parent) : context.active();
  const links = (about.links ?? []).flatMap((text): Link[] => {
    const linked = spanContextOf(text);
    return linked ? [{ context: linked }] : [];
  });
  const span = tracer.startSpan(name, { kind: about.kind, attributes: about.attributes, links }, within);
  try {
    return await context.with(trace.setSpan(within, span), () => work(recorded(span)));
  } catch (error) {
    span.recordException(error as Error);
    span.setStatus({ code: SpanStatusCode.ERROR, message: (error as Error).message });
    throw error;
  } finally {
    span.end();
  }
}

/** Whether there is an SDK, which may be set up at any time. */
export function isRecorded(): boolean {
  const provider = trace.getTracerProvider();
  return !(provider instanceof ProxyTracerProvider) || provider.getDelegateTracer("tasker") !== undefined;
}

function recorded(span: Span): TracedSpan {
  return {
    traceparent: traceparentOf(span.spanContext()),
    set: (attributes) => span.setAttributes(attributes),
    failed: (message) => span.setStatus({ code: SpanStatusCode.ERROR, message }),
  };
}

function unrecorded(traceparent: string | null): TracedSpan {
  return { traceparent, set: noop, failed: noop };
}

function noop(): void {}

function spanContextOf(traceparent: string): SpanContext | null {
  const found = FORM.exec(traceparent);
  if (!found) return null;
  return { traceId: found[1]!, spanId: found[2]!, traceFlags: Number.parseInt(found[3]!, 16), isRemote: true };
}

function traceparentOf({ traceId, spanId, traceFlags }: SpanContext): string {
  return `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, "0")}`;
}
