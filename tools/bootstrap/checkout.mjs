/** Paths of this checkout, and helpers that all parts of the bootstrap share. */
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..', '..');

/** An error that a person has to correct. It is printed without a stack trace. */
export class StartFault extends Error {}

export const at = (...parts) => path.join(ROOT, ...parts);
export const say = (text) => process.stderr.write(`${text}\n`);
export const seconds = (began) => `${((Date.now() - began) / 1000).toFixed(1)} s`;
export const readJson = (file) => {
  try {
    return JSON.parse(fs.readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  }
};
