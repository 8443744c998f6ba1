/** Reads the readiness of a service, which needs no token. */
import { part, type Services } from '../services.js';

export interface ServiceHealth {
  readonly service: string;
  readonly ready: boolean;
  readonly version: string | null;
  /** Why the service is not ready. Null means that it is ready. */
  readonly problem: string | null;
}

const LIMIT_MS = 5_000;

export async function healthOf(services: Services, service: string): Promise<ServiceHealth> {
  const url = await part(async () => services.url(service));
  if (url.value === undefined) return { service, ready: false, version: null, problem: url.problem.message };
  const [ready, about] = await Promise.all([
    read(`${url.value}/health/ready`) as Promise<{ status?: string; checks?: Record<string, string> } | null>,
    read(`${url.value}/health/version`) as Promise<{ version?: string } | null>,
  ]);
  const faults = Object.entries(ready?.checks ?? {}).filter(([, state]) => state !== 'ok');
  const problem =
    ready === null
      ? `does not answer at ${url.value}`
      : ready.status === 'ok'
        ? null
        : faults.map(([name, state]) => `${name}: ${state}`).join('; ') || 'not ready';
  return { service, ready: problem === null, version: about?.version ?? null, problem };
}

const read = (url: string): Promise<unknown> =>
  fetch(url, { signal: AbortSignal.timeout(LIMIT_MS) }).then(
    (answer) => answer.json().catch(() => null),
    () => null,
  );
