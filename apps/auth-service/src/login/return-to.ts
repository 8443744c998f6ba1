/** Where a person lands after signing in: a path of our own origin, however it is spelled (open redirect). Pure. */
const ANYWHERE = 'https://stackflow.invalid';
const MAX_LENGTH = 2_048;

/**
 * The path to put into `Location`, or null for anything that a browser, or whoever decodes it once more behind us, could
 * take for another origin: `//evil`, `/\evil`, `/%2f%2fevil`, `https:evil`, control characters.
 */
export function safeReturnTo(value: string): string | null {
  if (value.length > MAX_LENGTH || !value.startsWith('/') || hasControl(value)) return null;
  if (!URL.canParse(value, ANYWHERE)) return null;
  const url = new URL(value, ANYWHERE);
  const decoded = decodePath(url.pathname);
  // Dot segments are gone by now: `/x/..//evil` has become `//evil`.
  if (url.origin !== ANYWHERE || decoded === null || /^[/\\]{2}/.test(decoded) || value.includes('\\')) return null;
  if (decoded.includes('\\') || hasControl(decoded)) return null;
  // Back into the login it would go round and round.
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
