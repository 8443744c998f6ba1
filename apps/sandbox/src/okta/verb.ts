/**
 * A verb is a named action of the sandbox Okta. Verbs about the same subject (a person or a group) run one after
 * another.
 */
import type { z } from 'zod';
import { parseControl } from '../listener.js';
import type { EventType } from './hooks/log-event.js';
import type { OktaApp, Person } from './model.js';
import type { ScimSession } from './session.js';
import type { OktaStore } from './store.js';

export interface Context {
  readonly app: OktaApp;
  readonly store: OktaStore;
  readonly session: ScimSession;
  /** Records an event. The event hook delivers it when the verb is done. */
  readonly emit: (type: EventType, person: Person) => void;
}

export interface Verb {
  parse(body: unknown): { subject: string; run(context: Context): Promise<string | null> };
}

/** Defines a verb. `run` returns a remark for the administrator, or null. */
export function verb<I extends { readonly group?: string; readonly login?: string }>(
  shape: z.ZodType<I>,
  run: (context: Context, input: I) => Promise<string | null>,
): Verb {
  return {
    parse(body) {
      const input = parseControl(shape, body);
      return { subject: input.group ?? input.login ?? '', run: (context) => run(context, input) };
    },
  };
}
