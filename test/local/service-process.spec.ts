/** One supervised process: an error if it dies at start, a restart if it dies later, a hard end if it does not stop. */
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ROOT } from '../../tools/local/folder.js';
import { freePort } from '../../tools/local/ports.js';
import { eventually, isAlive, processIdentity } from '../../tools/local/process.js';
import { ServiceProcess } from '../../tools/local/service-process.js';
import { compiled } from '../support/services.js';

/** Behaves like a service: healthy, and ends with its launcher. `MISBEHAVE` makes it fail in some way. */
const FAKE = `
import http from 'node:http';
const { PORT, MISBEHAVE } = process.env;
if (MISBEHAVE === 'config') { console.error('scim-gateway cannot start: DATABASE_URL is not set'); process.exit(78); }
if (MISBEHAVE === 'fault') (await import(process.env.OURS)).loadConfig('fake', { BROKEN: null }, {});
if (MISBEHAVE === 'slow') process.on('SIGTERM', () => setTimeout(() => { console.log('work ended'); process.exit(0); }, 2_000));
if (MISBEHAVE === 'deaf') process.on('SIGTERM', () => console.log('not now'));
process.on('disconnect', () => process.exit(0));
http.createServer((q, r) => { r.statusCode = q.url === '/health/ready' ? 200 : 404; r.end(); }).listen(Number(PORT), '127.0.0.1');
console.log('started');
`;

describe('a supervised service', () => {
  let folder: string;
  let entry: string;
  const services: ServiceProcess[] = [];
  const log: string[] = [];
  let changes = 0;

  beforeAll(async () => {
    await compiled();
    folder = fs.mkdtempSync(path.join(tmpdir(), 'stackflow-fake-'));
    entry = path.join(folder, 'fake.mjs');
    fs.writeFileSync(entry, FAKE);
  });
  beforeEach(() => {
    log.length = 0;
    changes = 0;
  });
  afterEach(() => Promise.all(services.map((s) => s.stop())));
  afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));

  const make = async (env: NodeJS.ProcessEnv = {}, restart = true): Promise<ServiceProcess> => {
    const port = await freePort();
    const spec = {
      name: 'fake',
      entry,
      env: { PATH: process.env.PATH, PORT: String(port), ...env },
      url: `http://127.0.0.1:${port}`,
    };
    const service = new ServiceProcess(
      spec,
      { log: (line) => void log.push(line), say: (text) => void log.push(text), changed: () => (changes += 1) },
      restart,
    );
    services.push(service);
    return service;
  };

  test('that dies at start is reported with its last lines and what to do', async () => {
    const service = await make({ MISBEHAVE: 'config' });
    await expect(service.start()).rejects.toThrow(
      /^fake ended \(exit code 78\) before it was ready[^]*DATABASE_URL is not set[^]*set it in the environment/,
    );
    expect(service.running).toBe(false);
  });

  test('names the line of our source where it failed', async () => {
    const OURS = path.join(ROOT, 'dist/libs/platform/src/config.js');
    const service = await make({ MISBEHAVE: 'fault', OURS });
    await expect(service.start()).rejects.toThrow(/libs\/platform\/src\/config\.ts:\d+/);
  });

  test('whose program does not exist is reported too', async () => {
    const service = new ServiceProcess(
      { name: 'ghost', entry: 'dist/apps/ghost/main.js', env: {}, url: 'http://127.0.0.1:9' },
      { log: () => undefined, say: () => undefined, changed: () => undefined },
    );
    await expect(service.start()).rejects.toThrow(/ghost ended \(exit code 1\)[^]*Cannot find module/);
  });

  test('that is killed is started again on the same port, and the change is announced', async () => {
    const service = await make();
    await service.start();
    const before = service.pid;
    service.kill('SIGKILL');
    expect(await eventually(() => service.pid !== before && service.running, 5_000)).toBe(true);
    await service.ready(5_000);
    expect(changes).toBe(1);
    expect(log.join('\n')).toContain('ended (signal SIGKILL); starting it again in 0.2 s');
  });

  test('that keeps dying is no longer started again', async () => {
    const service = await make();
    await service.start();
    fs.writeFileSync(entry, 'process.exit(3)');
    try {
      service.kill('SIGKILL');
      expect(await eventually(() => log.some((line) => line.includes('not started again')), 20_000)).toBe(true);
      expect(log.filter((line) => line.includes('starting it again'))).toHaveLength(5);
    } finally {
      fs.writeFileSync(entry, FAKE);
    }
  });

  test('is not started again if restarts are switched off', async () => {
    const service = await make({}, false);
    await service.start();
    service.kill('SIGKILL');
    expect(await eventually(() => log.includes('fake ended (signal SIGKILL)'), 5_000)).toBe(true);
    await service.start();
    expect(service.running).toBe(true);
  });

  test('that is stopped ends in order and is not started again', async () => {
    const service = await make();
    await service.start();
    const { pid } = service;
    await service.stop();
    expect(isAlive(pid)).toBe(false);
    expect(log).toEqual(['started']);
  });

  test('has time to end its work after SIGTERM, and is killed if it does not end', async () => {
    const [slow, deaf] = [await make({ MISBEHAVE: 'slow' }), await make({ MISBEHAVE: 'deaf' })];
    await Promise.all([slow.start(), deaf.start()]);
    await Promise.all([slow.stop(), deaf.stop()]);
    expect([slow.running, deaf.running]).toEqual([false, false]);
    expect(log).toEqual(expect.arrayContaining(['work ended', 'not now']));
  });

  test('ends when its launcher is killed', async () => {
    const port = await freePort();
    const supervisor = path.join(folder, 'supervisor.mjs');
    fs.writeFileSync(
      supervisor,
      `const { ServiceProcess } = await import(${JSON.stringify(path.join(ROOT, 'dist/tools/local/service-process.js'))});
       const service = new ServiceProcess({ name: 'fake', entry: ${JSON.stringify(entry)}, env: { PORT: '${port}' }, url: 'http://127.0.0.1:${port}' }, { log() {}, say() {}, changed() {} });
       await service.start();
       console.log(service.pid);
       setInterval(() => {}, 1000);`,
    );
    const { NODE_OPTIONS: _flags, ...env } = process.env;
    const launcher = spawn(process.execPath, [supervisor], { stdio: ['ignore', 'pipe', 'inherit'], env });
    const pid = Number(
      await new Promise<string>((resolve) => launcher.stdout.setEncoding('utf8').once('data', resolve)),
    );
    expect(isAlive(pid)).toBe(true);
    launcher.kill('SIGKILL');
    expect(await eventually(() => processIdentity(pid) === undefined, 5_000)).toBe(true);
  });
});
