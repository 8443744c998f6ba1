/** One push is one trace: SCIM request -> event -> Cognito call, across three processes, as an OTLP collector sees it. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { eventually, person, scim } from '../support/push.js';
import { TestStack } from '../support/stack.js';

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

const spans: ReceivedSpan[] = [];
let collector: Server;
let stack: TestStack;

beforeAll(async () => {
  collector = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      receive(JSON.parse(Buffer.concat(chunks).toString()) as OtlpBody);
      response.setHeader('content-type', 'application/json').end('{}');
    });
  });
  await new Promise<void>((resolve) => collector.listen(0, '127.0.0.1', resolve));
  const { port } = collector.address() as AddressInfo;
  stack = await TestStack.start({ env: { OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}` } });
}, 90_000);

afterAll(async () => {
  await (stack as TestStack | undefined)?.stop();
  collector.close();
});

function receive(body: OtlpBody): void {
  for (const { resource, scopeSpans } of body.resourceSpans) {
    const service = resource.attributes.find((a) => a.key === 'service.name')?.value.stringValue ?? '?';
    for (const span of scopeSpans.flatMap((s) => s.spans))
      spans.push({ service, ...span, parentSpanId: span.parentSpanId ?? '' });
  }
}

it('shows the way from the push to the Cognito call as one trace', async () => {
  const { scimBaseUrl, scimToken } = stack.tenant;
  const { id } = await scim(scimBaseUrl, scimToken, 'POST', '/Users', person('traced@example.com', '00uTRACED'));
  const [event] = await stack
    .query<{ traceparent: string }>(`select traceparent from bus.event_log where subject = $1`, [id])
    .then(async (rows) =>
      rows.length > 0
        ? rows
        : [
            await eventually(
              'the event',
              async () =>
                (
                  await stack.query<{ traceparent: string }>(
                    `select traceparent from bus.event_log where subject = $1`,
                    [id],
                  )
                )[0],
            ),
          ],
    );
  const traceId = event?.traceparent.split('-')[1];
  expect(traceId).toMatch(/^[0-9a-f]{32}$/);

  const ofPush = () => spans.filter((s) => s.traceId === traceId);
  const find = (service: string, name: RegExp) =>
    eventually(`${service} ${String(name)}`, () =>
      Promise.resolve(ofPush().find((s) => s.service === service && name.test(s.name))),
    );
  const request = await find('scim-gateway', /Users/);
  const handled = await find('identity-service', /^process com\.stackflow\.directory\.user\.created\.v1$/);
  const called = await find('identity-service', /^cognito AdminCreateUser$/);

  expect(handled.parentSpanId).toBe(request.spanId);
  const parents = (span: ReceivedSpan): string[] => {
    const parent = ofPush().find((s) => s.spanId === span.parentSpanId);
    return parent ? [parent.spanId, ...parents(parent)] : [];
  };
  await eventually('the chain from the Cognito call up to the request', () =>
    Promise.resolve(parents(called).includes(request.spanId) || undefined),
  );
}, 60_000);
