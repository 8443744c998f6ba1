/** `npm start -- --reset` deletes what earlier starts stored, so that the next one begins without data. */
import fs from 'node:fs';
import type { StackFolder } from './folder.js';
import { endPredecessor as endKafka } from './kafka.js';
import { endPredecessor as endPostgres } from './postgres-cluster.js';
import { dataFolder } from './postgres-files.js';

const STORED = ['postgres', 'kafka', 'logs', 'secrets.json', 'ports.json', 'assertion.pem', 'stack.json'];

/** The caller holds the lock of the folder, so no stack runs on it. Files that no start has written stay. */
export async function resetFolder(folder: StackFolder, say: (text: string) => void): Promise<void> {
  const found = STORED.map((name) => folder.file(name)).filter((file) => fs.existsSync(file));
  if (found.length === 0) return say(`There is nothing to delete in ${folder.path}.`);
  const postgres = folder.file('postgres');
  const all = new Set(found);
  if (fs.existsSync(postgres)) {
    const data = dataFolder(postgres, say);
    await endPostgres({ data }, say);
    if (!data.startsWith(postgres)) all.add(data);
  }
  await endKafka(folder.file('kafka'));
  say(`Deleting the data of earlier starts:\n${[...all].map((file) => `  ${file}`).join('\n')}`);
  for (const file of all) fs.rmSync(file, { recursive: true, force: true });
}
