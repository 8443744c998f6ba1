/** Pushes in the form that Okta sends. */

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
