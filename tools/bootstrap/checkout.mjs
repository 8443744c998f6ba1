/** Paths and files of this checkout, and helpers that all parts of the bootstrap share. */
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..', '..');

/** An error that a person has to correct. It is printed without a stack trace. */
export class StartFault extends Error {}

export const at = (...parts) => path.join(ROOT, ...parts);
export const say = (text) => process.stderr.write(`${text}\n`);
export const seconds = (began) => `${((Date.now() - began) / 1000).toFixed(1)} s`;
export const sha256 = (data) => createHash('sha256').update(data).digest('hex');
export const readText = (file) => (fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : undefined);
export const readJson = (file) => {
  try {
    return JSON.parse(fs.readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  }
};

export function tryWrite(file, text) {
  try {
    fs.writeFileSync(file, text);
  } catch {
    // ignore the error: a read-only checkout works too, but the comparison is repeated next time
  }
}
