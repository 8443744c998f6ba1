/** Types for the part of the library that we use, written from the source of version 0.1.2. */
declare module 'passport-openidconnect' {
  export interface Request {
    readonly query: Readonly<Record<string, string>>;
  }
  /** The library's record of an authorization request. */
  export interface LoginContext {
    readonly nonce?: string;
    readonly maxAge?: number;
    readonly issued?: Date;
  }
  export interface StateStore {
    store(
      request: Request,
      context: LoginContext,
      appState: unknown,
      meta: unknown,
      done: (error: unknown, state?: string) => void,
    ): void;
    verify(
      request: Request,
      state: string,
      done: (error: unknown, context?: LoginContext | false, info?: unknown) => void,
    ): void;
  }
  export interface StrategyOptions {
    readonly issuer: string;
    readonly authorizationURL: string;
    readonly tokenURL: string;
    readonly clientID: string;
    readonly callbackURL: string;
    readonly scope: readonly string[];
    readonly maxAge?: number | undefined;
    readonly skipUserProfile: true;
    readonly store: StateStore;
  }
  export type Verified = (error: unknown, user?: object | false, info?: object) => void;
  export type Verify = (issuer: string, profile: unknown, verified: Verified) => void;

  export interface OAuth2 {
    getOAuthAccessToken(
      code: string,
      parameters: object,
      done: (error: unknown, accessToken?: string, refreshToken?: string, results?: { id_token: string }) => void,
    ): void;
  }

  export default class Strategy {
    constructor(options: StrategyOptions, verify: Verify);
    protected _oauth2: OAuth2;
    protected _verify: Verify;
    authenticate(request: Request, options?: object): void;
    authorizationParams(options: object): Record<string, string>;
    error(error: unknown): void;
  }
}
