/** P5: secrets never reach the logs. */
import { createLogger, nestLogger, redactText, REDACTED_FIELDS } from './logging.js';

const SECRET = 'hunter2-hunter2';
const TOKEN = `sfs1.AAAAAAAAAAAAAAAAAAAAAA.${'k'.repeat(43)}`;

const capture = () => {
  const lines: string[] = [];
  const logger = createLogger('svc', 'trace', { write: (line) => void lines.push(line) });
  return { logger, lines, parsed: () => lines.map((l) => JSON.parse(l) as Record<string, unknown>) };
};

describe('a log line', () => {
  it('is JSON with service, level name, time and fields', () => {
    const { logger, parsed } = capture();
    logger.info({ tenant: 't', code: 'c' }, 'it happened');
    expect(parsed()).toEqual([
      {
        level: 'info',
        time: expect.stringMatching(/^\d{4}-.*Z$/),
        service: 'svc',
        tenant: 't',
        code: 'c',
        msg: 'it happened',
      },
    ]);
  });

  it.each(REDACTED_FIELDS)('hides the field %s at three levels', (field) => {
    const { logger, lines, parsed } = capture();
    logger.info({ [field]: SECRET, a: { [field]: SECRET, b: { [field]: SECRET } } }, 'x');
    expect(lines.join()).not.toContain(SECRET);
    expect(parsed()[0]).toMatchObject({
      [field]: '[redacted]',
      a: { [field]: '[redacted]', b: { [field]: '[redacted]' } },
    });
  });

  it.each([
    ['a SCIM token', TOKEN],
    ['a bearer value', `Bearer ${SECRET}`],
    ['an Okta API token', `SSWS ${SECRET}`],
    ['a database password', `postgres://role:${SECRET}@db/x`],
    ['a JWT', `eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.${SECRET}`],
  ])('hides %s in a message, a field, an error and what was thrown instead of one', (_, text) => {
    const { logger, lines } = capture();
    const error = new Error(`refused: ${text}`);
    logger.info(`see ${text}`);
    logger.info('see %s', text);
    logger.info({ url: text, deep: { er: { than: { three: text } } } }, 'x');
    logger.error({ err: error }, 'failed');
    logger.error({ err: error });
    logger.error(error);
    logger.error({ err: text }, 'a string was thrown');
    nestLogger(logger).error(error);
    nestLogger(logger).log({ text });
    expect(lines).toHaveLength(9);
    for (const line of lines) {
      expect(line).not.toContain(SECRET);
      expect(line).not.toContain(TOKEN);
      expect(line).toContain('[redacted]');
      JSON.parse(line);
    }
  });

  it('keeps values that are not secret', () => {
    const { logger, parsed } = capture();
    logger.info(
      { url: 'http://localhost:8080', email: 'ada@example.com', other: 'http://h:1/@x' },
      'bearer of news, see http://h:8080/a@b',
    );
    expect(parsed()[0]).toMatchObject({
      url: 'http://localhost:8080',
      email: 'ada@example.com',
      other: 'http://h:1/@x',
      msg: 'bearer [redacted] news, see http://h:8080/a@b',
    });
  });

  it('hides a password with a quotation mark in it', () => {
    expect(redactText(JSON.stringify({ url: 'postgres://u:pa"ss\\word@h/d' }))).toBe(
      '{"url":"postgres://u:[redacted]@h/d"}',
    );
  });

  it('shows an error with its code, and no other property of it', () => {
    const { logger, parsed } = capture();
    logger.error(
      { err: Object.assign(new TypeError('no'), { code: '23505', detail: 'Key (email)=(ada@example.com)' }) },
      'failed',
    );
    expect(parsed()[0]?.err).toEqual({
      name: 'TypeError',
      message: 'no',
      code: '23505',
      stack: expect.stringContaining('TypeError: no'),
    });
  });
});
