/**
 * Checks a manifest against the published Kubernetes schema of its kind, and finds fields that the schema does not
 * have. The schemas ignore unknown fields, as the API server once did, so a mistyped `readinesProbe` would pass. A
 * validator reads each field that it knows, so a field that it never reads is unknown.
 */
import type { Manifest } from './kustomize.js';

type Validate = ((data: unknown) => boolean) & {
  errors?: readonly { instancePath: string; message?: string; params?: unknown; keyword: string }[] | null;
};

/** Sentences about the faults of the manifest; empty = it is right. */
export async function checkManifest(manifest: Manifest): Promise<string[]> {
  const validate = await validatorOf(manifest);
  if (!validate) return [`there is no kind ${manifest.kind} in ${manifest.apiVersion}`];
  const read = new Set<string>();
  if (!validate(watched(manifest, '', read))) {
    return (validate.errors ?? []).map(
      (e) => `${e.instancePath} ${e.message ?? e.keyword} ${JSON.stringify(e.params)}`,
    );
  }
  return unread(manifest, '', read).map((where) => `${where} is not a field of a ${manifest.kind}`);
}

async function validatorOf({ apiVersion, kind }: Manifest): Promise<Validate | undefined> {
  const group = apiVersion.includes('/') ? apiVersion : `core/${apiVersion}`;
  const [api = '', version = ''] = group.split('/');
  const name = `IoK8sApi${pascal(api.split('.')[0] ?? '')}${pascal(version)}${kind}`;
  try {
    const module = (await import(`kubernetes-models/_schemas/${name}`)) as { validate: Validate };
    return module.validate;
  } catch {
    return undefined;
  }
}

const pascal = (word: string): string => word.charAt(0).toUpperCase() + word.slice(1);

function watched(value: unknown, where: string, read: Set<string>): unknown {
  if (typeof value !== 'object' || value === null) return value;
  return new Proxy(value, {
    get(target, key, receiver) {
      if (typeof key !== 'string') return Reflect.get(target, key, receiver) as unknown;
      read.add(`${where}/${key}`);
      return watched(Reflect.get(target, key, receiver), `${where}/${key}`, read);
    },
  });
}

function unread(value: unknown, where: string, read: ReadonlySet<string>): string[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, child]) => {
    const at = `${where}/${key}`;
    return read.has(at) ? unread(child, at, read) : [at];
  });
}
