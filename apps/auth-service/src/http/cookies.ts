/** The two cookies. `__Host-` makes the browser insist on Secure, on our host alone and on the whole path: no subdomain can plant one. */
export const LOGIN_COOKIE = '__Host-sf_login';
export const SESSION_COOKIE = '__Host-sf_session';

/** 256 random bits in base64url; whatever else is in a cookie was not written by us. */
const SECRET = /^[A-Za-z0-9_-]{43}$/;

/** The value of the cookie, if it is one of ours. Sent twice, neither is believed. */
export function readCookie(header: string | undefined, name: string): string | null {
  const values = (header ?? '')
    .split(';')
    .map((pair) => pair.trim())
    .filter((pair) => pair.startsWith(`${name}=`))
    .map((pair) => pair.slice(name.length + 1));
  const [value] = values;
  return values.length === 1 && value !== undefined && SECRET.test(value) ? value : null;
}

/** `Max-Age` 0 forgets it. Lax: Okta sends the browser back by a top-level GET from another site. */
export const setCookie = (name: string, value: string, maxAgeSeconds: number): string =>
  `${name}=${value}; Path=/; Max-Age=${maxAgeSeconds}; Secure; HttpOnly; SameSite=Lax`;
