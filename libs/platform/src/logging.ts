/** Writes redacted JSON log lines, with `tenant`, `traceId`, `eventId` and `code` where they are known. */
import { isNativeError } from 'node:util/types';
import type { LoggerService } from '@nestjs/common';
import { isSpanContextValid, trace } from '@opentelemetry/api';
import { pino, type DestinationStream, type Logger } from 'pino';

export type { Logger } from 'pino';

/** Fields whose values are never logged, on the first three levels of nesting. */
export const REDACTED_FIELDS = [
  'password',
  'token',
  'scimToken',
  'secret',
  'clientSecret',
  'apiToken',
  'authorization',
  'Authorization',
  'cookie',
  'set-cookie',
  'AccessToken',
  'IdToken',
  'RefreshToken',
  'TemporaryPassword',
  'Password',
  'SecretString',
  'connectionString',
] as const;

const paths = REDACTED_FIELDS.flatMap((f) => {
  const key = /^[A-Za-z]+$/.test(f) ? `.${f}` : `["${f}"]`;
  return [key.replace(/^\./, ''), `*${key}`, `*.*${key}`];
});

/** Matches every text that `redactText` changes. Most lines do not match, so one test is enough for them. */
const SUSPICIOUS = /bearer|basic|ssws|sfs1\.|eyJ|\/\//i;

/** Redacts bearer values, tokens and URL passwords inside text or JSON, e.g. in the error message of a driver. */
export function redactText(message: string): string {
  if (!SUSPICIOUS.test(message)) return message;
  return message
    .replace(/\b(Bearer|Basic|SSWS)\s+[A-Za-z0-9._~+/=-]+/gi, '$1 [redacted]')
    .replace(/\bsfs1\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+/g, '[redacted]')
    .replace(/\beyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*/g, '[redacted]')
    .replace(/(\/\/[^\s:/@"]+:)(?:\\.|[^\s@/"\\])+@/g, '$1[redacted]@');
}

export function createLogger(service: string, level: string, destination?: DestinationStream): Logger {
  return pino(
    {
      level,
      base: { service },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths, censor: '[redacted]' },
      mixin: () => {
        const context = trace.getActiveSpan()?.spanContext();
        return context && isSpanContextValid(context) ? { traceId: context.traceId } : {};
      },
      serializers: {
        err: (error: unknown) => {
          if (!isNativeError(error)) return error;
          const { name, message, stack } = error;
          const code = (error as { code?: unknown }).code;
          return {
            name,
            message: redactText(message),
            ...(code === undefined ? {} : { code }),
            stack: stack && redactText(stack),
          };
        },
      },
      // Redact the finished line, because pino copies the message of an error into `msg` after all other hooks.
      hooks: { streamWrite: redactText },
    },
    destination as DestinationStream,
  );
}

export function nestLogger(logger: Logger): LoggerService {
  const line =
    (level: 'info' | 'error' | 'warn' | 'debug' | 'trace') =>
    (message: unknown, ...rest: unknown[]) => {
      const context = rest.at(-1);
      const fields = typeof context === 'string' ? { context } : {};
      if (isNativeError(message)) logger[level]({ ...fields, err: message }, message.message);
      else logger[level](fields, typeof message === 'string' ? message : JSON.stringify(message));
    };
  return { log: line('debug'), error: line('error'), warn: line('warn'), debug: line('debug'), verbose: line('trace') };
}
