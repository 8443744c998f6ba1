/** The cookies. `__Host-` makes the browser insist on Secure, on our host alone and on the whole path: no subdomain can plant one. */
export const SESSION_COOKIE = '__Host-sf_session';

/** 256 random bits in base64url; whatever else is in a cookie was not written by us. */
const SECRET = /^[A-Za-z0-9_-]{43}$/;

/**
 * Binds logins to the browser. Its name follows from its value: tabs that begin at the same moment, none of which has one
 * yet, each get one, and the last answer does not take away what the logins of the others are bound to.
 */
export const loginCookieName = (value: string): string => `${LOGIN_PREFIX}${value.slice(0, 8)}`;
const LOGIN_PREFIX = '__Host-sf_login_';
/** More were not set by a person with many tabs. */
const MOST_LOGIN_COOKIES = 20;

export function readLoginCookies(header: string | undefined): string[] {
  const names = (header ?? '').split(';').map((pair) => pair.split('=', 1)[0]?.trim() ?? '');
  return [...new Set(names)]
    .filter((name) => name.startsWith(LOGIN_PREFIX))
    .slice(0, MOST_LOGIN_COOKIES)
    .flatMap((name) => {
      const value = readCookie(header, name);
      return value !== null && loginCookieName(value) === name ? [value] : [];
    });
}

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
