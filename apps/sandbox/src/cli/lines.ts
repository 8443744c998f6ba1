import { instant } from '#command-line';
import type { Delivery } from '../okta/hooks/event-hooks.js';
import type { LogoutResult } from '../okta/oidc/universal-logout.js';
import type { VerbResult } from '../okta/okta.js';
import type { Exchange } from '../okta/wire.js';

function exchangeLine(exchange: Exchange): string {
  const { pathname, search } = new URL(exchange.url);
  return requestLine(exchange, `${exchange.method.padEnd(6)} ${decodeURIComponent(pathname + search)}`);
}

/** Returns one line for each attempt to deliver, or one line if there was no attempt yet. */
export function deliveryLines({ attempts, events, state, url }: Delivery): string[] {
  const what = `HOOK   ${new URL(url).pathname} ${events.map((e) => `${e.type} ${e.login}`).join(', ')}`;
  return attempts.length === 0 ? [`${what}: ${state}`] : attempts.map((a) => requestLine(a, what));
}

function requestLine(r: Pick<Exchange, 'startedAt' | 'endedAt' | 'status' | 'error'>, what: string): string {
  const status = String(r.status ?? 'ERR').padEnd(3);
  const ms = (r.endedAt - r.startedAt).toFixed(0).padStart(5);
  return `${instant(new Date(r.startedAt).toISOString())}  ${status}  ${ms} ms  ${what}${r.error === null ? '' : `  ${r.error}`}`;
}

export const logoutText = ({ attempts, url, sessionsEnded }: LogoutResult): string =>
  [
    ...attempts.map((a) => requestLine(a, `POST   ${new URL(url).pathname}`)),
    `sessions with Okta that ended: ${sessionsEnded}`,
  ].join('\n');

/** Okta's two kinds of SCIM apps send different requests. */
const APPS = { aiw: 'custom app, AIW', oin: 'catalog app, OIN' } as const;

const SILENT = '(no message, because an answer with a list contains a number as a string)';

export function resultText(result: VerbResult): string {
  const what = result.subject === '' ? result.verb : `${result.verb} ${result.subject}`;
  return [
    ...result.exchanges.map(exchangeLine),
    ...result.deliveries.flatMap(deliveryLines),
    ...(result.note === null ? [] : [result.note]),
    result.ok
      ? `${what}: done (${APPS[result.mode]})`
      : `${what}: FAILED. Okta's task says: ${result.task?.detail ?? SILENT}`,
  ].join('\n');
}
