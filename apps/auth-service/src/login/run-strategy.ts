/** Runs a Passport strategy outside of Express and returns its outcome as a promise. */
import passport from 'passport';
import type { Request } from 'passport-openidconnect';
import type { HardenedStrategy, ProvenLogin } from './hardened-strategy.js';

type Middleware = (request: object, response: object, next: (error?: unknown) => void) => void;
type Callback = (error: unknown, user: ProvenLogin | false | undefined, info: unknown) => void;

const run = (strategy: HardenedStrategy, request: Request, redirected: (location: string) => void, done: Callback) => {
  const authenticate = passport.authenticate(
    strategy as unknown as passport.Strategy,
    { session: false },
    done as Parameters<typeof passport.authenticate>[2] & Callback,
  ) as Middleware;
  const response = {
    setHeader: (name: string, value: string) => name.toLowerCase() === 'location' && redirected(value),
    end: () => undefined,
  };
  authenticate({ ...request }, response, (error) => done(error, false, undefined));
};

/** Begins a login and returns the URL at Okta to which the browser must go. */
export const beginLogin = (strategy: HardenedStrategy): Promise<string> =>
  new Promise((resolve, reject) => {
    const unexpected: Callback = (error) => reject(asError(error, 'the strategy did not redirect to Okta'));
    run(strategy, { query: {} }, resolve, unexpected);
  });

/** Completes a login. Rejects with an `OidcError` of our client or with an error of the library. */
export const completeLogin = (strategy: HardenedStrategy, query: { code: string; state: string }) =>
  new Promise<ProvenLogin>((resolve, reject) => {
    const done: Callback = (error, user) =>
      user ? resolve(user) : reject(asError(error, 'the library refused the ID token'));
    run(strategy, { query }, () => reject(new Error('the strategy began another login')), done);
  });

const asError = (error: unknown, otherwise: string): Error => (error instanceof Error ? error : new Error(otherwise));
