/**
 * The part of kustomize that finds the references of a folder of manifests: resources, components, generated ConfigMaps
 * and the targets of patches. It renders nothing; `kubectl kustomize` does that.
 */
import { existsSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { parse, parseAllDocuments } from 'yaml';

export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly [field: string]: unknown;
}

export interface PlacedManifest {
  readonly file: string;
  readonly manifest: Manifest;
}

interface Generator {
  readonly name: string;
  readonly behavior?: string;
  readonly envs?: readonly string[];
  readonly literals?: readonly string[];
}

interface Patch {
  readonly path?: string;
  readonly patch?: string;
  readonly target?: { readonly kind?: string; readonly name?: string };
}

interface Kustomization {
  readonly kind: string;
  readonly resources?: readonly string[];
  readonly components?: readonly string[];
  readonly configMapGenerator?: readonly Generator[];
  readonly patches?: readonly Patch[];
  readonly images?: readonly { readonly name: string }[];
}

const KNOWN_FIELDS = [
  'apiVersion',
  'kind',
  'namespace',
  'labels',
  'resources',
  'components',
  'configMapGenerator',
  'patches',
  'images',
];

export interface Kustomized {
  readonly manifests: readonly PlacedManifest[];
  /** Generated ConfigMaps by name; a later `merge` overrides single keys, as kustomize does. */
  readonly configMaps: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** Sentences about references to things that do not exist. */
  readonly faults: readonly string[];
}

/** Reads `folder/kustomization.yaml` and everything that it refers to. */
export function kustomize(folder: string): Kustomized {
  const found: Found = { manifests: [], configMaps: {}, faults: [] };
  visit(folder, found);
  return found;
}

interface Found {
  manifests: PlacedManifest[];
  configMaps: Record<string, Record<string, string>>;
  faults: string[];
}

function visit(folder: string, found: Found): void {
  const file = path.join(folder, 'kustomization.yaml');
  if (!existsSync(file)) {
    found.faults.push(`${file} does not exist`);
    return;
  }
  const kustomization = parse(readFileSync(file, 'utf8')) as Kustomization;
  for (const field of Object.keys(kustomization))
    if (!KNOWN_FIELDS.includes(field)) found.faults.push(`${file}: this check does not know "${field}"`);
  for (const entry of [...(kustomization.resources ?? []), ...(kustomization.components ?? [])]) {
    const at = path.join(folder, entry);
    if (!existsSync(at)) found.faults.push(`${file} names ${entry}, which does not exist`);
    else if (statSync(at).isDirectory()) visit(at, found);
    else found.manifests.push(...readManifests(at));
  }
  for (const generator of kustomization.configMapGenerator ?? []) generate(folder, generator, found);
  for (const patch of kustomization.patches ?? []) checkPatch(file, folder, patch, found);
  for (const image of kustomization.images ?? [])
    if (!imagesOf(found.manifests).has(image.name))
      found.faults.push(`${file} sets the image ${image.name}, which nothing uses`);
}

export function readManifests(file: string): PlacedManifest[] {
  return parseAllDocuments(readFileSync(file, 'utf8'), { merge: true })
    .map((document) => {
      const [error] = document.errors;
      if (error) throw new Error(`${file}: ${error.message}`);
      return { file, manifest: document.toJS() as Manifest };
    })
    .filter(({ manifest }) => manifest !== null);
}

/** Lines of KEY=value, as kustomize and Compose read them. */
export function readEnvFile(file: string): Record<string, string> {
  const lines = readFileSync(file, 'utf8').split('\n');
  const pairs = lines.filter((line) => line.trim() !== '' && !line.startsWith('#')).map(pair);
  return Object.fromEntries(pairs);
}

function pair(line: string): [string, string] {
  const at = line.indexOf('=');
  if (at < 1) throw new Error(`not KEY=value: ${line}`);
  return [line.slice(0, at), line.slice(at + 1)];
}

function generate(folder: string, { name, behavior, envs = [], literals = [] }: Generator, found: Found): void {
  const values = Object.fromEntries([
    ...envs.flatMap((file) => Object.entries(readEnvFile(path.join(folder, file)))),
    ...literals.map(pair),
  ]);
  const known = found.configMaps[name];
  if ((behavior === 'merge') !== (known !== undefined))
    found.faults.push(`${folder}: the ConfigMap ${name} is ${known ? 'made twice' : 'merged into nothing'}`);
  found.configMaps[name] = { ...known, ...values };
}

function checkPatch(file: string, folder: string, patch: Patch, found: Found): void {
  if (patch.path && !existsSync(path.join(folder, patch.path))) {
    found.faults.push(`${file} names ${patch.path}, which does not exist`);
    return;
  }
  const body = parse(patch.patch ?? (patch.path ? readFileSync(path.join(folder, patch.path), 'utf8') : '')) as
    | Partial<Manifest>
    | unknown[];
  const inner = Array.isArray(body) ? undefined : { kind: body.kind, name: body.metadata?.name };
  const { kind, name } = { ...inner, ...patch.target };
  const pattern = new RegExp(`^(${name ?? '.*'})$`);
  const hit = found.manifests.some(
    ({ manifest }) => (kind === undefined || manifest.kind === kind) && pattern.test(manifest.metadata.name),
  );
  if (!hit) found.faults.push(`${file} patches ${kind ?? 'anything'} ${name ?? ''}, which does not exist`);
}

/** Every `image:` value of the manifests, without its tag. */
function imagesOf(manifests: readonly PlacedManifest[]): Set<string> {
  const images = new Set<string>();
  const walk = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    for (const [key, child] of Object.entries(value)) {
      if (key === 'image' && typeof child === 'string') images.add(child.replace(/:[^/:]*$/, ''));
      walk(child);
    }
  };
  for (const { manifest } of manifests) walk(manifest);
  return images;
}
