/**
 * A verb is a named action of the sandbox Okta, with the shape of its input, its subject, and the function that runs
 * it. Verbs about the same subject run one after another.
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
  /** Records an event for the System Log. The event hook delivers it when the verb is done. */
  readonly emit: (type: EventType, person: Person) => void;
}

export interface Verb {
  parse(body: unknown): { subject: string; run(context: Context): Promise<string | null> };
}

/**
 * Defines a verb. `run` resolves to a remark, or to null if there is no remark. The subject is the group or the login
 * in the input.
 */
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
