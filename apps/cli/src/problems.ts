/** Errors of the internal APIs -> a sentence with the next step, and an exit code. */
import { ApiProblem, ServiceUnreachable } from '#contracts/clients';
import { EXIT, Refusal } from '#command-line';

type Typed = (command: string) => string;

export function explain(error: unknown, { typed }: { readonly typed: Typed }): Refusal | undefined {
  if (error instanceof ServiceUnreachable)
    return new Refusal(
      `${error.message} Is it running? The local stack is started with "npm start"; elsewhere see the log of ${error.service}.`,
      EXIT.unavailable,
    );
  if (!(error instanceof ApiProblem)) return undefined;
  const next = NEXT_STEPS[error.code ?? '']?.(error, typed);
  const text = next === undefined ? error.message : `${error.message} ${next}`;
  return new Refusal(text, error.status >= 500 ? EXIT.unavailable : EXIT.refused);
}

/** The services name no command of ours; this table does. */
const NEXT_STEPS: Readonly<Record<string, (error: ApiProblem, typed: Typed) => string>> = {
  unauthenticated: ({ service }) =>
    `${service} did not accept the token of the internal APIs: check --token-file or INTERNAL_API_TOKEN.`,
  tenant_unknown: (_, typed) => `"${typed('tenants list')}" shows all tenants.`,
  tenant_exists: ({ parameters: { tenant, slug } }, typed) =>
    `For a new SCIM token: ${typed(`tenants rotate-token ${String(tenant ?? slug ?? '<slug>')}`)}`,
  issuer_missing: () => 'Name it, e.g. --issuer https://your-org.okta.com',
  okta_not_connected: (_, typed) => `Connect it: ${typed('tenants connect-okta')}`,
  comparison_running: () => 'Wait for its end, or watch it with --no-wait.',
};
