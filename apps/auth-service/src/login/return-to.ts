/** The path where a person lands after signing in. It must stay on our origin, however it is spelled (open redirect). Pure. */
const BASE = 'https://stackflow.invalid';
const MAX_LENGTH = 2_048;

/**
 * The path for `Location`. Null for anything that a browser, or a later decoder, could take for another origin: `//evil`,
 * `/\evil`, `/%2f%2fevil`, `https:evil`, control characters.
 */
export function safeReturnTo(value: string): string | null {
  if (value.length > MAX_LENGTH || !value.startsWith('/') || hasControl(value)) return null;
  if (!URL.canParse(value, BASE)) return null;
  const url = new URL(value, BASE);
  const decoded = decodePath(url.pathname);
  // URL has resolved dot segments, so `/x/..//evil` has become `//evil`.
  if (url.origin !== BASE || decoded === null || /^[/\\]{2}/.test(decoded) || value.includes('\\')) return null;
  if (decoded.includes('\\') || hasControl(decoded)) return null;
  // A return to the login itself would loop.
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
