import { readFileSync } from 'node:fs';
import path from 'node:path';
import { CATEGORY_OF } from '../../libs/cognito/src/quotas.js';
import { kustomize, type Manifest, type PlacedManifest } from './kustomize.js';
import { checkManifest } from './kubernetes-schema.js';
import { at, COMMANDS, environmentFaults, JOBS, ROOT, SERVICES } from './services.js';

interface Container {
  readonly name: string;
  readonly image: string;
  readonly command?: readonly string[];
  readonly env?: readonly {
    name: string;
    value?: string;
    valueFrom?: { secretKeyRef?: { name: string; key: string } };
  }[];
  readonly envFrom?: readonly { configMapRef?: { name: string } }[];
  readonly ports?: readonly { name: string; containerPort: number }[];
  readonly securityContext?: object;
  readonly [probe: string]: unknown;
}
interface PodSpec {
  readonly containers: readonly Container[];
  readonly initContainers?: readonly Container[];
  readonly [field: string]: unknown;
}
interface PodTemplate {
  readonly metadata: { readonly labels: Readonly<Record<string, string>> };
  readonly spec: PodSpec;
}

interface PolicySpec {
  readonly podSelector: { readonly matchLabels?: Readonly<Record<string, string>> };
  readonly policyTypes: readonly string[];
  readonly egress?: readonly EgressRule[];
}
interface EgressRule {
  readonly to?: readonly {
    readonly ipBlock?: { readonly cidr: string; readonly except?: readonly string[] };
    readonly podSelector?: object;
    readonly namespaceSelector?: object;
  }[];
  readonly ports: readonly { readonly port: number }[];
}
interface RouteRule {
  readonly matches: readonly { readonly path: { readonly type: string; readonly value: string } }[];
  readonly backendRefs: readonly { readonly name: string; readonly port: number }[];
}

const FOLDERS = ['k8s/base', 'k8s/overlays/example'];
const example = kustomize(at('k8s/overlays/example'));
const all: readonly PlacedManifest[] = example.manifests;
const named = (kind: string, name: string): Manifest => {
  const found = all.find(({ manifest }) => manifest.kind === kind && manifest.metadata.name === name);
  if (!found) throw new Error(`there is no ${kind} ${name}`);
  return found.manifest;
};
const template = (manifest: Manifest): PodTemplate => (manifest.spec as { template: PodTemplate }).template;
const workloads = all
  .map(({ manifest }) => manifest)
  .filter(({ kind }) => ['Deployment', 'StatefulSet', 'Job'].includes(kind));
const label = ({ file, manifest }: PlacedManifest): string =>
  `${path.relative(ROOT, file)}: ${manifest.kind} ${manifest.metadata.name}`;
const containersOf = (pod: PodSpec): Container[] => [...(pod.initContainers ?? []), ...pod.containers];
const ours = [
  ...Object.entries({ ...SERVICES, ...COMMANDS }).map(([name, program]) => ['Deployment', name, program] as const),
  ...Object.entries(JOBS).map(([name, program]) => ['Job', name, program] as const),
];
const started = ours.filter(([, name]) => !(name in COMMANDS));

/** The environment of a container. Values that come from a Secret are undefined: they are not in the repository. */
function environment({ env = [], envFrom = [] }: Container): Map<string, string | undefined> {
  const shared = envFrom.flatMap(({ configMapRef }) =>
    Object.entries(example.configMaps[configMapRef?.name ?? ''] ?? {}),
  );
  return new Map<string, string | undefined>([...shared, ...env.map(({ name, value }) => [name, value] as const)]);
}

describe.each(FOLDERS)('%s', (folder) => {
  it('refers only to files, resources and images that exist', () => {
    expect(kustomize(at(folder)).faults).toEqual([]);
  });
});

describe('the Kubernetes manifests', () => {
  const builtIn = all.filter(({ manifest }) => !manifest.apiVersion.startsWith('gateway.networking.k8s.io/'));

  it.each(builtIn.map((placed) => [label(placed), placed.manifest] as const))(
    '%s follows the schema of its kind',
    async (_, manifest) => {
      expect(await checkManifest(manifest)).toEqual([]);
    },
  );

  it.each(ours)('%s %s gets every setting that it needs and no unknown one', (kind, name, { config }) => {
    for (const container of containersOf(template(named(kind, name)).spec))
      expect(environmentFaults(config, environment(container))).toEqual([]);
  });

  it.each(started)('%s %s starts from a file that the build produces', (kind, name, { entry }) => {
    const [container] = template(named(kind, name)).spec.containers;
    expect(container).toMatchObject({ image: 'stackflow-okta', command: ['node', `dist/${entry}.js`] });
  });

  it.each(Object.entries(SERVICES))(
    '%s waits for the migrations before a new pod replaces an old one',
    (name, { entry }) => {
      const [migrate] = template(named('Deployment', name)).spec.initContainers ?? [];
      expect(migrate).toMatchObject({ image: 'stackflow-okta', command: ['node', `dist/${entry}.js`, '--migrate'] });
    },
  );

  it.each(Object.keys(SERVICES))('%s is probed and reachable on the port that it listens on', (name) => {
    const { metadata, spec } = template(named('Deployment', name));
    const [container] = spec.containers;
    const listens = Number(container && environment(container).get('PORT'));
    expect(container?.ports).toEqual([{ name: 'http', containerPort: listens }]);
    expect(container?.livenessProbe).toMatchObject({ httpGet: { path: '/health/live', port: 'http' } });
    expect(container?.readinessProbe).toMatchObject({ httpGet: { path: '/health/ready', port: 'http' } });
    expect(named('Service', name).spec).toMatchObject({
      selector: { 'app.kubernetes.io/name': metadata.labels['app.kubernetes.io/name'] },
      ports: [{ targetPort: 'http' }],
    });
  });

  it.each(Object.keys(SERVICES))('%s keeps serving when a node is lost', (name) => {
    expect(named('Deployment', name).spec).toMatchObject({
      replicas: 2,
      strategy: { rollingUpdate: { maxUnavailable: 0 } },
    });
    expect(named('PodDisruptionBudget', name).spec).toMatchObject({
      maxUnavailable: 1,
      selector: { matchLabels: { 'app.kubernetes.io/name': name } },
    });
  });

  it.each(workloads.map((manifest) => [manifest.kind, manifest.metadata.name, template(manifest).spec] as const))(
    '%s %s meets the restricted Pod Security Standard, without cluster credentials and without service links',
    (_kind, _name, pod) => {
      expect(pod).toMatchObject({
        automountServiceAccountToken: false,
        enableServiceLinks: false,
        securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
      });
      for (const container of containersOf(pod)) {
        expect(container.securityContext).toMatchObject({
          allowPrivilegeEscalation: false,
          capabilities: { drop: ['ALL'] },
        });
        expect(container.resources).toMatchObject({
          requests: { cpu: expect.any(String), memory: expect.any(String) },
          limits: { memory: expect.any(String) },
        });
      }
    },
  );

  it.each(Object.keys(SERVICES))('%s has a user of Kafka of its own, with a password of its own', (name) => {
    for (const container of containersOf(template(named('Deployment', name)).spec)) {
      expect(environment(container).get('KAFKA_USERNAME')).toBe(name);
      const password = container.env?.find((variable) => variable.name === 'KAFKA_PASSWORD');
      expect(password?.valueFrom?.secretKeyRef).toEqual({ name, key: 'KAFKA_PASSWORD' });
    }
  });

  it('sign in to a broker that lets nobody else in and has an authorizer', () => {
    const [broker, users] = template(named('StatefulSet', 'kafka')).spec.containers;
    const settings = broker && environment(broker);
    const reachable = settings
      ?.get('KAFKA_LISTENERS')
      ?.split(',')
      .filter((at) => !at.includes('//localhost:'));
    expect(reachable).toEqual(['SASL://:9092']);
    expect(settings?.get('KAFKA_LISTENER_SECURITY_PROTOCOL_MAP')).toContain('SASL:SASL_PLAINTEXT');
    expect(settings?.get('KAFKA_AUTHORIZER_CLASS_NAME')).toMatch(/StandardAuthorizer$/);
    for (const name of ['admin', ...Object.keys(SERVICES)])
      expect((users?.args as string[] | undefined)?.[0]?.split(/[\s;]+/)).toContain(name);
  });

  it.each(ours)('%s %s runs on a read-only file system', (kind, name) => {
    for (const container of containersOf(template(named(kind, name)).spec))
      expect(container.securityContext).toMatchObject({ readOnlyRootFilesystem: true });
  });

  it('contain no secret: every secret setting comes from a Secret that an administrator creates', () => {
    expect(all.filter(({ manifest }) => manifest.kind === 'Secret')).toEqual([]);
    for (const [kind, name, { config }] of ours)
      for (const container of containersOf(template(named(kind, name)).spec))
        for (const [variable, value] of environment(container))
          expect([variable, config[variable]?.secret === true && value !== undefined]).toEqual([variable, false]);
  });
});

describe('the instructions', () => {
  const readme = readFileSync(at('k8s/README.md'), 'utf8').replaceAll('\\\n', ' '); // one line per command

  it('create every key of every Secret that a container reads', () => {
    const keys = workloads
      .flatMap((w) => containersOf(template(w).spec))
      .flatMap(({ env = [] }) => env.flatMap(({ valueFrom }) => valueFrom?.secretKeyRef ?? []));
    expect(keys.length).toBeGreaterThan(0);
    for (const { name, key } of keys) {
      const command = new RegExp(`^\\$ns ${name} .*`, 'm').exec(readme)?.[0];
      expect([name, command]).toEqual([name, expect.stringContaining(`--from-literal=${key}=`)]);
    }
  });

  it('give each service the Cognito permissions that it needs, and let only deactivation-worker change access', () => {
    const permitted = (account: string): string[] => {
      const row = new RegExp(`^\\| ${account} +\\| \`cognito-idp:\`.*`, 'm').exec(readme)?.[0] ?? '';
      return [...row.matchAll(/`([A-Z]\w+)`/g)].map((match) => match[1] ?? '').sort();
    };
    const access = ['AdminDisableUser', 'AdminEnableUser', 'AdminUserGlobalSignOut'];
    const signIn = ['AdminInitiateAuth', 'AdminRespondToAuthChallenge'];
    // auth-service calls these too, authorised by the app client's secret instead of IAM.
    const bySecret = ['GetTokensFromRefreshToken', 'RevokeToken'];
    expect(permitted('auth-service')).toEqual(signIn);
    expect(permitted('deactivation-worker')).toEqual([...access, 'AdminGetUser'].sort());
    expect(permitted('identity-service')).toEqual(
      Object.keys(CATEGORY_OF)
        .filter((operation) => ![...access, ...signIn, ...bySecret].includes(operation))
        .sort(),
    );
  });
});

describe('the network policies', () => {
  const from = (name: string): unknown[] =>
    (named('NetworkPolicy', name).spec as { ingress: { from: unknown[] }[] }).ingress.flatMap((rule) => rule.from);

  it('refuse every connection that no policy allows, in both directions, for every pod', () => {
    expect(named('NetworkPolicy', 'deny-all').spec).toEqual({ podSelector: {}, policyTypes: ['Ingress', 'Egress'] });
  });

  /** The rules for outgoing connections of the pods of a workload, from all policies that select them. */
  const outgoing = (kind: string, name: string): EgressRule[] => {
    const { labels } = template(named(kind, name)).metadata;
    return all
      .filter(({ manifest }) => manifest.kind === 'NetworkPolicy')
      .map(({ manifest }) => manifest.spec as PolicySpec)
      .filter(({ podSelector: { matchLabels = {} } }) => Object.entries(matchLabels).every(([k, v]) => labels[k] === v))
      .flatMap(({ policyTypes, egress = [] }) => (policyTypes.includes('Egress') ? egress : []));
  };
  const portsTo = (kind: string, name: string, anywhere: boolean): unknown[] =>
    outgoing(kind, name)
      .filter(({ to }) => (to === undefined) === anywhere)
      .flatMap(({ ports }) => ports.map(({ port }) => port));

  it.each(Object.keys(SERVICES))(
    'let %s connect to DNS, Postgres, Kafka, HTTPS, pod credentials and traces only',
    (name) => {
      expect(portsTo('Deployment', name, true)).toEqual([53, 53, 5432, 9092]);
      const callsAnother = ['auth-service', 'identity-service'].includes(name) ? ['http'] : [];
      expect(portsTo('Deployment', name, false)).toEqual([443, 80, 4318, ...callsAnother]);
    },
  );

  it('let the job connect to Postgres and Kafka only, the command line to the services only, the stores to nothing', () => {
    expect([portsTo('Job', 'provision', true), portsTo('Job', 'provision', false)]).toEqual([[53, 53, 5432, 9092], []]);
    expect([portsTo('Deployment', 'cli', true), portsTo('Deployment', 'cli', false)]).toEqual([[53, 53], ['http']]);
    for (const store of ['postgres', 'kafka'])
      expect([portsTo('StatefulSet', store, true), portsTo('StatefulSet', store, false)]).toEqual([[53, 53], []]);
  });

  it.each(['identity-service', 'integration-hub'])(
    'let only labelled callers and the metrics scraper reach %s',
    (name) => {
      expect(from(name)).toEqual([
        { podSelector: { matchLabels: { 'stackflow.com/internal-client': 'true' } } },
        { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'monitoring' } } },
      ]);
    },
  );

  it('let Okta, identity-service and labelled callers reach scim-gateway', () => {
    const [callers, metrics] = from('identity-service');
    const members = { podSelector: { matchLabels: { 'app.kubernetes.io/name': 'identity-service' } } };
    expect(from('scim-gateway')).toEqual([browsers, members, callers, metrics]);
  });

  const browsers = { namespaceSelector: { matchLabels: { 'stackflow.com/edge': 'true' } } };

  it('let Okta, labelled callers and auth-service reach deactivation-worker, and browsers and callers auth-service', () => {
    const [callers, metrics] = from('identity-service');
    const signOuts = { podSelector: { matchLabels: { 'app.kubernetes.io/name': 'auth-service' } } };
    expect(from('deactivation-worker')).toEqual([browsers, callers, signOuts, metrics]);
    expect(from('auth-service')).toEqual([browsers, callers, metrics]);
  });

  it.each(Object.keys(SERVICES))('keep %s away from private addresses on the port of HTTPS', (name) => {
    const wide = outgoing('Deployment', name).flatMap(({ to = [], ports }) =>
      ports.some((p) => p.port === 443) ? to : [],
    );
    expect(wide.map(({ ipBlock }) => ipBlock?.cidr)).toEqual(['0.0.0.0/0', '::/0']);
    for (const network of ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '169.254.0.0/16'])
      expect(wide[0]?.ipBlock?.except).toContain(network);
  });

  it('label the command line as a caller of the internal APIs', () => {
    const { labels } = template(named('Deployment', 'cli')).metadata;
    expect(labels).toMatchObject({ 'stackflow.com/internal-client': 'true' });
  });

  it('let every workload that needs Postgres or Kafka reach it', () => {
    for (const [kind, name] of started)
      expect(template(named(kind, name)).metadata.labels).toMatchObject({
        'stackflow.com/uses-postgres': 'true',
        'stackflow.com/uses-kafka': 'true',
      });
    for (const store of ['postgres', 'kafka'])
      expect(from(store)).toEqual([{ podSelector: { matchLabels: { [`stackflow.com/uses-${store}`]: 'true' } } }]);
  });

  it('let the edge forward only the paths that Okta and browsers call, not /internal, /health or /metrics', () => {
    const routes = all.filter(({ manifest }) => /Route$|^Ingress$/.test(manifest.kind));
    expect(routes.map(label)).toEqual(['k8s/overlays/example/gateway.yaml: HTTPRoute edge']);
    const { parentRefs, rules } = named('HTTPRoute', 'edge').spec as { parentRefs: object[]; rules: RouteRule[] };
    expect(parentRefs).toEqual([{ name: named('Gateway', 'edge').metadata.name }]);
    const forwarded = rules.flatMap(({ matches, backendRefs }) =>
      matches.map(({ path: { type, value } }) => `${type} ${value} -> ${backendRefs.map((to) => to.name).join()}`),
    );
    expect(forwarded).toEqual([
      'PathPrefix /prod/api/scim/v2 -> scim-gateway',
      'PathPrefix /scim/v2 -> scim-gateway',
      'PathPrefix /auth/okta/event-hook -> deactivation-worker',
      'PathPrefix /auth -> auth-service',
    ]);
    for (const { name, port } of rules.flatMap(({ backendRefs }) => backendRefs))
      expect(named('Service', name).spec).toMatchObject({ ports: [{ port }] });
  });
});
