/**
 * OpenTelemetry traces. One trace contains a SCIM request, its events and the resulting Cognito calls. Events carry the
 * W3C `traceparent` (CloudEvents distributed tracing extension), so that the trace continues in the consumer.
 */
import {
  context,
  propagation,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
  type Attributes,
  type Span,
} from '@opentelemetry/api';

export { SpanKind, type Span } from '@opentelemetry/api';

/**
 * Installs the tracer, once per process. The returned function flushes buffered spans and stops the tracer. The SDK and
 * its exporter are large, so they are loaded only when they are needed.
 */
export async function startTracing(service: string, otlpEndpoint: string | undefined): Promise<() => Promise<void>> {
  const { resourceFromAttributes } = await import('@opentelemetry/resources');
  const { BatchSpanProcessor, NodeTracerProvider } = await import('@opentelemetry/sdk-trace-node');
  const { ATTR_SERVICE_NAME } = await import('@opentelemetry/semantic-conventions');
  const exporter = async (endpoint: string) => {
    const { OTLPTraceExporter } = await import('@opentelemetry/exporter-trace-otlp-http');
    return new OTLPTraceExporter({ url: `${endpoint.replace(/\/$/, '')}/v1/traces` });
  };
  const provider = new NodeTracerProvider({
    resource: resourceFromAttributes({ [ATTR_SERVICE_NAME]: service }),
    spanProcessors: otlpEndpoint
      ? [new BatchSpanProcessor(await exporter(otlpEndpoint), { scheduledDelayMillis: 500 })]
      : [],
  });
  provider.register();
  return () => provider.shutdown();
}

const extracted = (traceparent: string) => propagation.extract(ROOT_CONTEXT, { traceparent });

/**
 * Runs `work` in a span; an exception marks the span and is rethrown. `traceparent` is the parent of the span. `linked`
 * belongs to a caller that is not trusted: the span only refers to it.
 */
export function inSpan<T>(
  name: string,
  options: { kind?: SpanKind; attributes?: Attributes; traceparent?: string | null; linked?: string | null },
  work: (span: Span) => Promise<T>,
): Promise<T> {
  const parent = options.traceparent ? extracted(options.traceparent) : context.active();
  const linked = options.linked ? trace.getSpanContext(extracted(options.linked)) : undefined;
  const tracer = trace.getTracer('stackflow');
  return tracer.startActiveSpan(
    name,
    {
      kind: options.kind ?? SpanKind.INTERNAL,
      attributes: options.attributes ?? {},
      links: linked ? [{ context: linked }] : [],
    },
    parent,
    async (span) => {
      try {
        return await work(span);
      } catch (error) {
        span.setStatus({ code: SpanStatusCode.ERROR, message: error instanceof Error ? error.message : String(error) });
        throw error;
      } finally {
        span.end();
      }
    },
  );
}

/** Returns the active trace context as a `traceparent` header, or null outside any span. */
export function currentTraceparent(): string | null {
  const carrier: { traceparent?: string } = {};
  propagation.inject(context.active(), carrier);
  return carrier.traceparent ?? null;
}
