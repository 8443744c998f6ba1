import { z } from 'zod';
import { AwsError, invalidParameter } from './aws-error.js';

/** Fields of a request whose values AWS never repeats in an error message. */
const SENSITIVE = new Set([
  'username',
  'password',
  'temporaryPassword',
  'secretString',
  'secretBinary',
  'session',
  'token',
  'accessToken',
  'refreshToken',
  'clientSecret',
]);

type Issue = z.core.$ZodIssue & { input?: unknown };

/** Checks the input of an operation. Its errors have the types and the wording of AWS's errors. */
export function parseInput<T>(schema: z.ZodType<T>, input: unknown): T {
  const parsed = schema.safeParse(input, { reportInput: true });
  if (parsed.success) return parsed.data;
  const issues = parsed.error.issues as Issue[];
  const mistyped = issues.find((i) => i.code === 'invalid_type' && i.input !== undefined && i.input !== null);
  if (mistyped)
    throw new AwsError(
      'SerializationException',
      `${memberPath(mistyped.path)} has another JSON type than the operation expects`,
    );
  const count = `${issues.length} validation error${issues.length === 1 ? '' : 's'} detected: `;
  throw invalidParameter(count + issues.map(describe).join('; '));
}

/** `UserAttributes[0].Name` becomes `userAttributes.1.member.name`, as in AWS's messages. */
const memberPath = (path: readonly PropertyKey[]): string =>
  path
    .map((p) => (typeof p === 'number' ? `${p + 1}.member` : String(p).charAt(0).toLowerCase() + String(p).slice(1)))
    .join('.');

function describe(issue: Issue): string {
  const path = memberPath(issue.path);
  const last = path.split('.').at(-1) ?? path;
  return `Value${shown(issue.input, last)} at '${path}' failed to satisfy constraint: ${constraint(issue)}`;
}

function shown(input: unknown, member: string): string {
  if (input === undefined || input === null) return ' null';
  if (SENSITIVE.has(member)) return '';
  return typeof input === 'string' || typeof input === 'number' || typeof input === 'boolean' ? ` '${input}'` : '';
}

function constraint(issue: Issue): string {
  const measure = 'origin' in issue && (issue.origin === 'number' || issue.origin === 'int') ? 'value' : 'length';
  switch (issue.code) {
    case 'invalid_type':
      return 'Member must not be null';
    case 'too_small':
      return `Member must have ${measure} greater than or equal to ${issue.minimum}`;
    case 'too_big':
      return `Member must have ${measure} less than or equal to ${issue.maximum}`;
    case 'invalid_value':
      return `Member must satisfy enum value set: [${issue.values.map(String).join(', ')}]`;
    case 'invalid_format':
      return `Member must satisfy regular expression pattern: ${issue.pattern?.replace(/^\/\^?|\$?\/u?$/g, '') ?? issue.format}`;
    default:
      return issue.message;
  }
}
