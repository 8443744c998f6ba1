/**
 * With the prefix `__Host-`, browsers require Secure, our exact host name and the path `/`. So no subdomain can set
 * such a cookie.
 */
import { randomBytes } from 'node:crypto';

export const SESSION_COOKIE = '__Host-sf_session';

/** Makes the value of a cookie: 256 random bits. */
export const random256 = (): string => randomBytes(32).toString('base64url');
const SECRET = /^[A-Za-z0-9_-]{43}$/;

/**
 * The name contains the beginning of the value. Tabs that begin a login at the same moment thus keep separate cookies.
 */
export const loginCookieName = (value: string): string => `${LOGIN_PREFIX}${value.slice(0, 8)}`;
const LOGIN_PREFIX = '__Host-sf_login_';
/** Largest number of login cookies to read. Even a person with many tabs has fewer. */
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

/** Returns the value of the cookie if it has our format. Returns null if the name occurs twice. */
export function readCookie(header: string | undefined, name: string): string | null {
  const values = (header ?? '')
    .split(';')
    .map((pair) => pair.trim())
    .filter((pair) => pair.startsWith(`${name}=`))
    .map((pair) => pair.slice(name.length + 1));
  const [value] = values;
  return values.length === 1 && value !== undefined && SECRET.test(value) ? value : null;
}

/** `maxAgeSeconds` 0 deletes the cookie. SameSite is Lax, because Okta returns the browser by a top-level GET. */
export const setCookie = (name: string, value: string, maxAgeSeconds: number): string =>
  `${name}=${value}; Path=/; Max-Age=${maxAgeSeconds}; Secure; HttpOnly; SameSite=Lax`;
