/** Prevents open redirects: the path after a sign-in must stay on our origin in every spelling. */
const BASE = 'https://stackflow.invalid';
/** The path travels through Okta inside the sealed state, and Okta's addresses must stay short. */
const MAX_LENGTH = 512;

/**
 * Returns the path for `Location`, or null if a browser or decoder could read the value as another origin: `//evil`,
 * `/\evil`, `/%2f%2fevil`, `https:evil`, control characters.
 */
export function safeReturnTo(value: string): string | null {
  if (value.length > MAX_LENGTH || !value.startsWith('/') || hasControl(value)) return null;
  if (!URL.canParse(value, BASE)) return null;
  const url = new URL(value, BASE);
  const decoded = decodePath(url.pathname);
  // `URL` has resolved dot segments, so `/x/..//evil` has become `//evil`.
  if (url.origin !== BASE || decoded === null || /^[/\\]{2}/.test(decoded) || value.includes('\\')) return null;
  if (decoded.includes('\\') || hasControl(decoded)) return null;
  // A return to the login itself would cause a loop.
  if (/^\/auth(?:\/|$)/i.test(decoded)) return null;
  return url.pathname + url.search + url.hash;
}

function decodePath(path: string): string | null {
  try {
    return decodeURIComponent(path);
  } catch {
    return null;
  }
}

const hasControl = (text: string): boolean => /\p{Cc}/u.test(text);
