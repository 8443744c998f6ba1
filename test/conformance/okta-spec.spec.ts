/**
 * Okta's own acceptance suite for a SCIM app (`../shared/cases/Okta-SCIM-20-SPEC-Test.json`, a Runscope export),
 * sent over HTTP: 12 requests with 52 assertions, all of which must pass.
 */
import { randomInt } from 'node:crypto';
import { runInNewContext } from 'node:vm';
import { BASE, rawRequest, startGateway, type Reply, type TestGateway, type TestTenant } from '../support/gateway.js';
import { readCases } from './cases.js';

interface Assertion {
  readonly comparison: string;
  readonly source: string;
  readonly value: string | null;
  readonly property?: string;
}
interface Step {
  readonly step_type: string;
  readonly note: string;
  readonly method: string;
  readonly url: string;
  readonly headers: Record<string, string[]>;
  readonly body?: string;
  readonly assertions: readonly Assertion[];
  readonly variables: readonly { readonly name: string; readonly property: string }[];
  readonly scripts: readonly string[];
}

const steps = (readCases<{ steps: Step[] }>('Okta-SCIM-20-SPEC-Test.json')?.steps ?? []).filter(
  (step) => step.step_type === 'request',
);
const suite = steps.length > 0 ? describe : describe.skip;

let gateway: TestGateway;
let tenant: TestTenant;
const variables: Record<string, string> = {};
let passed = 0;

beforeAll(async () => {
  gateway = await startGateway();
  tenant = await gateway.createTenant();
  await tenant.send('POST', '/Users', {
    userName: 'first@atko.com',
    name: { givenName: 'First', familyName: 'User' },
    emails: [{ primary: true, value: 'first@atko.com', type: 'work' }],
    active: true,
  });
  const digits = () => String(randomInt(100, 1_000));
  const [given, family] = [`Runscope${digits()}`, `Hfluaklab${digits()}`];
  Object.assign(variables, {
    SCIMBaseURL: BASE,
    auth: `Bearer ${tenant.token}`,
    InvalidUserEmail: 'abcdefgh@atko.com',
    UserIdThatDoesNotExist: '010101001010101011001010101011',
    randomEmail: `${given}${family}@atko.com`,
    randomUsername: `${given}${family}@atko.com`,
    randomUsernameCaps: `${given}${family}@atko.com`.toUpperCase(),
    randomGivenName: given,
    randomFamilyName: family,
  });
});
afterAll(() => gateway.close());

const fill = (text: string): string =>
  text.replace(/\{\{(\w+)\}\}/g, (_, name: string) => {
    const value = variables[name];
    if (value === undefined) throw new Error(`the suite uses an unknown variable ${name}`);
    return value;
  });

const at = (body: unknown, path: string): unknown =>
  path
    .split(/[.[\]]+/)
    .filter((key) => key !== '')
    .reduce<unknown>((value, key) => (value as Record<string, unknown> | undefined)?.[key], body);

/** The comparisons of Runscope that the suite uses. */
function holds({ comparison, source, value, property }: Assertion, reply: Reply, ms: number): boolean {
  const actual =
    source === 'response_status' ? reply.status : source === 'response_time' ? ms : at(reply.body, property ?? '');
  const wanted = value === null ? '' : fill(value);
  switch (comparison) {
    case 'equal_number':
      return Number(actual) === Number(wanted);
    case 'equal':
      return String(actual) === wanted;
    case 'not_empty':
      return (
        actual !== undefined && actual !== null && actual !== '' && !(Array.isArray(actual) && actual.length === 0)
      );
    case 'has_value':
    case 'contains':
      return Array.isArray(actual) ? actual.includes(wanted) : String(actual).includes(wanted);
    case 'is_a_number':
      return typeof actual === 'number';
    case 'is_less_than':
      return Number(actual) < Number(wanted);
    default:
      throw new Error(`the suite uses an unknown comparison ${comparison}`);
  }
}

suite("Okta's SCIM 2.0 SPEC test", () => {
  it.each(steps.map((step, i) => [i + 1, step.note, step] as const))('%i. %s', async (_i, _note, step) => {
    const headers = Object.fromEntries(
      Object.entries(step.headers).map(([name, values]) => [name, fill(values.join(', '))]),
    );
    const cpu = process.cpuUsage();
    const url = fill(step.url).replace(/ /g, '%20').replace(/"/g, '%22');
    const reply = await rawRequest(
      gateway.port,
      step.method,
      url,
      headers,
      step.body === undefined ? undefined : fill(step.body),
    );
    const { user, system } = process.cpuUsage(cpu);
    const ms = (user + system) / 1_000; // other programs of the machine delay the answer, but do not change this time
    const failed = step.assertions.filter((assertion) => !holds(assertion, reply, ms));
    expect({ failed, answer: failed.length > 0 ? reply.text : '' }).toEqual({ failed: [], answer: '' });
    passed += step.assertions.length;
    const failures: string[] = [];
    const assert = Object.assign((ok: unknown, text: string) => void (ok || failures.push(text)), {
      ok: (ok: unknown, text: string) => void (ok || failures.push(text)),
    });
    for (const script of step.scripts)
      runInNewContext(script, { response: { body: reply.text }, assert, log: () => undefined });
    expect(failures).toEqual([]);
    for (const { name, property } of step.variables) variables[name] = String(at(reply.body, property));
  });

  it('passes exactly 52 assertions', () => {
    expect(steps.length).toBe(12);
    expect(passed).toBe(52);
  });
});
