/** Asks jest's own process (jest.setup.mjs) for what a test needs. The first request starts or builds it. */

/**
 * The URL of a Postgres superuser: `TEST_DATABASE_URL`, or else an embedded Postgres that all test files of a run share.
 */
export const testPostgres = async (): Promise<string> => process.env.TEST_DATABASE_URL ?? ask('database');

/** Resolves when dist/ is built from the present sources, for tests that start programs of their own. */
export const compiled = async (): Promise<void> => void (await ask('compiled'));

async function ask(service: 'database' | 'compiled'): Promise<string> {
  const answer = await fetch(`${process.env.TEST_SERVICES_URL}/${service}`);
  const text = await answer.text();
  if (!answer.ok) throw new Error(text);
  return text;
}
