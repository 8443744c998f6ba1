/**
 * The callers of an internal API. Each caller has a credential of its own, `<caller>.<secret>`, and scopes that say what
 * it may do. A service knows only the SHA-256 hashes of the secrets. Two entries of one caller allow a rotation.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import { isScope, SCOPES, type Scope } from '#contracts';

/** An authenticated caller. */
export class Caller {
  constructor(
    readonly name: string,
    private readonly scopes: readonly Scope[],
  ) {}

  may(scope: Scope): boolean {
    return this.scopes.includes(scope);
  }

  /** Names the caller, and the person for whom it acts, in audits and evidence: `cli: alice`. */
  onBehalfOf(person: string | undefined): string {
    return person === undefined ? this.name : `${this.name}: ${person}`;
  }
}

export interface AcceptedCaller {
  readonly caller: Caller;
  readonly secretHash: Buffer;
}

/** Compares with every accepted secret in constant time, so that the time of an answer tells nothing about secrets. */
export function authenticate(accepted: readonly AcceptedCaller[], authorization: string): Caller | undefined {
  const [, name = '', secret = ''] = /^Bearer ([a-z][a-z0-9-]*)\.(.+)$/.exec(authorization) ?? [];
  const hash = sha256(secret);
  const matches = accepted.filter(
    ({ caller, secretHash }) => timingSafeEqual(hash, secretHash) && caller.name === name,
  );
  return matches[0]?.caller;
}

const sha256 = (text: string): Buffer => createHash('sha256').update(text).digest();

/** Formats an entry of INTERNAL_API_CALLERS. */
export const acceptedCaller = (name: string, scopes: readonly Scope[], secret: string): string =>
  `${name}:${scopes.join('+')}:${sha256(secret).toString('hex')}`;

const ENTRY = /^([a-z][a-z0-9-]{0,62}):([a-z+-]+):([0-9a-f]{64})$/;

function parseCallers(text: string, context: z.RefinementCtx): readonly AcceptedCaller[] {
  const entries = text
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '');
  return entries.flatMap((entry) => {
    const [, name = '', list = '', hash = ''] = ENTRY.exec(entry) ?? [];
    const scopes = list.split('+');
    if (name !== '' && scopes.every(isScope))
      return { caller: new Caller(name, scopes), secretHash: Buffer.from(hash, 'hex') };
    context.addIssue(
      `each entry must be <caller>:<scope>+<scope>:<SHA-256 of the secret in hexadecimal>, with scopes of ${SCOPES.join(', ')}`,
    );
    return [];
  });
}

export const callersSchema = z.string().prefault('').transform(parseCallers);
