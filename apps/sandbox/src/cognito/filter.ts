/** The filter of ListUsers: `attribute = "value"` or `attribute ^= "value"`. */
import { invalidParameter } from '../aws/aws-error.js';

/** SQL expressions by attribute. They never contain text from the caller. */
const SEARCHABLE: Readonly<Record<string, string>> = {
  username: 'username_key',
  sub: 'sub::text',
  ...Object.fromEntries(
    ['email', 'phone_number', 'name', 'given_name', 'family_name', 'preferred_username'].map((a) => [
      a,
      `attributes->>'${a}'`,
    ]),
  ),
  'cognito:user_status': 'lower(status)',
  status: `case when enabled then 'Enabled' else 'Disabled' end`,
};

export interface UserFilter {
  /** An SQL condition with one parameter, `$<n>`. */
  readonly sql: string;
  readonly value: string;
}

export function parseUserFilter(
  filter: string,
  parameter: number,
  usernameKey: (name: string) => string,
): UserFilter | undefined {
  if (filter.trim() === '') return undefined;
  const match = /^\s*"?([A-Za-z_:]+)"?\s*(\^?=)\s*"((?:[^"\\]|\\.)*)"\s*$/.exec(filter);
  const [, attribute = '', operator, quoted = ''] = match ?? [];
  if (!match) throw invalidParameter('Error while parsing filter.');
  const expression = Object.hasOwn(SEARCHABLE, attribute) ? SEARCHABLE[attribute] : undefined;
  if (!expression) throw invalidParameter(`Invalid search attribute: ${attribute}`);
  const value = quoted.replace(/\\(.)/g, '$1');
  const compared =
    attribute === 'username' ? usernameKey(value) : attribute === 'cognito:user_status' ? value.toLowerCase() : value;
  return {
    sql: operator === '=' ? `${expression} = $${parameter}` : `starts_with(${expression}, $${parameter})`,
    value: compared,
  };
}
