import { LocalProblem } from './problem.js';

export interface StackChoice {
  readonly carrier: 'postgres' | 'kafka';
  readonly port: number;
}

const URLS = ['COGNITO_ENDPOINT', 'SECRETS_MANAGER_ENDPOINT', 'OKTA_ENDPOINT', 'OKTA_ISSUER_OVERRIDE'];

/** Checks the environment of `npm start`. Throws one {@link LocalProblem} that lists every fault. */
export function checkEnvironment(env: NodeJS.ProcessEnv): StackChoice {
  const faults: string[] = [];
  const carrier = env.EVENT_CARRIER || 'postgres';
  if (carrier !== 'postgres' && carrier !== 'kafka')
    faults.push(`EVENT_CARRIER is "${carrier}"; it must be postgres or kafka.`);
  const port = Number(env.PORT || 8080);
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    faults.push(`PORT is "${env.PORT}"; it must be a port number, for example 8080.`);
  if (env.DATABASE_URL && !/^postgres(ql)?:\/\//.test(env.DATABASE_URL))
    faults.push('DATABASE_URL must be a postgres:// URL of a role that may create roles and schemas.');
  for (const name of URLS) {
    const value = env[name];
    if (value && !URL.canParse(value)) faults.push(`${name} is "${value}"; it must be a URL.`);
  }
  const pool = [env.COGNITO_USER_POOL_ID, env.COGNITO_CLIENT_ID, env.COGNITO_CLIENT_SECRET, env.AWS_REGION];
  if (env.COGNITO_ENDPOINT && !pool.every(Boolean)) {
    faults.push(
      'COGNITO_ENDPOINT names your own Cognito, so COGNITO_USER_POOL_ID, AWS_REGION, COGNITO_CLIENT_ID and COGNITO_CLIENT_SECRET must name its user pool and app client.',
    );
  }
  if (faults.length > 0)
    throw new LocalProblem(
      `The environment has ${faults.length} fault(s):\n${faults.map((f) => `  - ${f}`).join('\n')}`,
    );
  return { carrier: carrier as StackChoice['carrier'], port };
}
