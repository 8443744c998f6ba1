/**
 * One push is one trace: SCIM request -> event -> Cognito call, across three processes, as an OTLP collector sees it.
 */
import { person, scim } from '../support/push.js';
import { serveHttp, type TestServer } from '../support/http-server.js';
import { until } from '../support/waiting.js';
import type { TestStack } from '../support/stack.js';

interface ReceivedSpan {
  readonly service: string;
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
}
interface OtlpBody {
  readonly resourceSpans: readonly {
    readonly resource: {
      readonly attributes: readonly { readonly key: string; readonly value: { readonly stringValue?: string } }[];
    };
    readonly scopeSpans: readonly {
      readonly spans: readonly { name: string; traceId: string; spanId: string; parentSpanId?: string }[];
    }[];
  }[];
}

/** An OTLP collector that keeps every span. */
export class Collector {
  readonly spans: ReceivedSpan[] = [];
  private server: TestServer | undefined;

  /** The endpoint for services. */
  async start(): Promise<string> {
    this.server = await serveHttp((_request, response, body) => {
      this.receive(JSON.parse(body) as OtlpBody);
      response.setHeader('content-type', 'application/json').end('{}');
    });
    return this.server.origin;
  }

  async stop(): Promise<void> {
    await this.server?.stop();
  }

  private receive(body: OtlpBody): void {
    for (const { resource, scopeSpans } of body.resourceSpans) {
      const service = resource.attributes.find((a) => a.key === 'service.name')?.value.stringValue ?? '?';
      for (const span of scopeSpans.flatMap((s) => s.spans))
        this.spans.push({ service, ...span, parentSpanId: span.parentSpanId ?? '' });
    }
  }
}

export function tracesPushes(running: () => TestStack, collector: Collector): void {
  it('records one trace from the push to the Cognito call', async () => {
    const stack = running();
    const { scimBaseUrl, scimToken } = stack.tenant;
    const { id } = await scim(scimBaseUrl, scimToken, 'POST', '/Users', person('traced@example.com', '00uTRACED'));
    const sql = 'select traceparent from bus.event_log where subject = $1';
    const event = await until('the event', async () => (await stack.query<{ traceparent: string }>(sql, [id]))[0]);
    const traceId = event.traceparent.split('-')[1];
    expect(traceId).toMatch(/^[0-9a-f]{32}$/);

    const ofPush = () => collector.spans.filter((s) => s.traceId === traceId);
    const find = (service: string, name: RegExp) =>
      until(`${service} ${String(name)}`, () =>
        Promise.resolve(ofPush().find((s) => s.service === service && name.test(s.name))),
      );
    const request = await find('scim-gateway', /Users/);
    const handled = await find('identity-service', /^process com\.stackflow\.directory\.user\.created\.v2$/);
    const called = await find('identity-service', /^cognito AdminCreateUser$/);

    expect(handled.parentSpanId).toBe(request.spanId);
    const parents = (span: ReceivedSpan): string[] => {
      const parent = ofPush().find((s) => s.spanId === span.parentSpanId);
      return parent ? [parent.spanId, ...parents(parent)] : [];
    };
    await until('the chain from the Cognito call up to the request', () =>
      Promise.resolve(parents(called).includes(request.spanId)),
    );
  }, 60_000);
}
