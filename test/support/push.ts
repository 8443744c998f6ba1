/** Pushes in the form that Okta sends. */
import { setTimeout as sleep } from 'node:timers/promises';

export const USER_SCHEMA = 'urn:ietf:params:scim:schemas:core:2.0:User';
export const GROUP_SCHEMA = 'urn:ietf:params:scim:schemas:core:2.0:Group';

export const person = (userName: string, externalId: string): Record<string, unknown> => ({
  schemas: [USER_SCHEMA],
  userName,
  externalId,
  name: { givenName: 'Test', familyName: 'Person' },
  emails: [{ primary: true, value: userName, type: 'work' }],
  groups: [],
  password: 'never-stored-1mz050nq',
  active: true,
});

/** Sends one SCIM request. Returns the parsed body; throws an error with the answer if it is not a 2xx. */
export async function scim<T = { id: string }>(
  base: string,
  token: string,
  method: string,
  target: string,
  body?: unknown,
): Promise<T> {
  const answer = await fetch(base + target, {
    method,
    headers: {
      authorization: `Bearer ${token}`,
      accept: 'application/scim+json',
      ...(body !== undefined && { 'content-type': 'application/scim+json; charset=utf-8' }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${method} ${target}: ${answer.status} ${text}`);
  return (text === '' ? undefined : JSON.parse(text)) as T;
}

/** Polls until `look` returns something; fails with `what` after `limitMs`. */
export async function eventually<T>(what: string, look: () => Promise<T | undefined>, limitMs = 15_000): Promise<T> {
  const deadline = Date.now() + limitMs;
  for (;;) {
    const seen = await look();
    if (seen !== undefined) return seen;
    if (Date.now() > deadline) throw new Error(`${what}: not within ${limitMs} ms`);
    await sleep(25);
  }
}
