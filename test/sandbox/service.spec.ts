import { createApplication, createLogger, Database, Health, loadConfig, Metrics } from '#platform';
import { sandboxService } from '../../apps/sandbox/src/service.js';
import { createTestDatabase } from '../support/database.js';

describe('the sandbox service', () => {
  it('is ready only with its three listeners, tells their addresses, and closes them', async () => {
    const place = await createTestDatabase();
    const config = loadConfig('sandbox', sandboxService.config, {
      DATABASE_URL: place.url('sandbox'),
      SANDBOX_OKTA_PACE: '0',
    });
    const database = await Database.connect({ ...sandboxService.database, url: config.DATABASE_URL });
    await database.migrate();
    const platform = {
      service: 'sandbox',
      config,
      database,
      logger: createLogger('sandbox', 'silent'),
      metrics: new Metrics('sandbox', { process: false }),
      health: new Health(),
    };
    const app = await createApplication(sandboxService, platform);
    await app.listen(0, '127.0.0.1');
    const ready = await app.inject({ method: 'GET', url: '/health/ready' });
    expect([ready.statusCode, ready.json()]).toEqual([
      200,
      { status: 'ok', checks: { database: 'ok', 'stand-ins': 'ok' } },
    ]);
    const endpoints = (await app.inject({ method: 'GET', url: '/sandbox/endpoints' })).json<{
      cognito: string;
      secretsManager: string;
      okta: string;
      pool: object;
    }>();
    expect(endpoints.pool).toEqual({
      userPoolId: expect.stringMatching(/^us-east-1_\w{9}$/) as string,
      clientId: expect.stringMatching(/^\w{26}$/) as string,
      region: 'us-east-1',
    });
    const urls = [
      `${endpoints.cognito}/sandbox/pool`,
      `${endpoints.secretsManager}/sandbox/faults`,
      `${endpoints.okta}/sandbox/apps`,
    ];
    for (const url of urls) expect((await fetch(url)).status).toBe(200);
    for (const [url, name] of [
      [endpoints.cognito, 'Sandbox Cognito'],
      [endpoints.secretsManager, 'Sandbox Secrets Manager'],
      [endpoints.okta, 'Sandbox Okta'],
    ] as const) {
      const page = await (await fetch(url)).text();
      expect(page).toContain(`<h1>${name}</h1>`);
      for (const [, path = ''] of page.matchAll(/<a href="([^"]+)">/g))
        expect([path, (await fetch(url + path)).status]).toEqual([path, 200]);
    }
    await app.close();
    for (const url of urls) await expect(fetch(url)).rejects.toThrow();
    await database.close();
    await place.drop();
  });

  it('does not start with public keys that its triggers could not use', () => {
    for (const ASSERTION_JWKS of ['x', '{"keys":[]}', '{"keys":[{"kty":"oct","k":"AAAA","kid":"1"}]}'])
      expect(() => loadConfig('sandbox', sandboxService.config, { ASSERTION_JWKS })).toThrow(
        /ASSERTION_JWKS is .*public P-256 keys only/,
      );
  });
});
