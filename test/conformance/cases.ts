/** Okta's recorded requests and its acceptance suite. They are kept beside the repository, in ../shared/cases. */
import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';

/** Returns undefined if the file is missing; then its tests are skipped, unless REQUIRE_OKTA_CASES=1. */
export function readCases<T>(name: string): T | undefined {
  const file = resolve('../shared/cases', name);
  if (existsSync(file)) return JSON.parse(readFileSync(file, 'utf8')) as T;
  if (process.env.REQUIRE_OKTA_CASES === '1') throw new Error(`REQUIRE_OKTA_CASES=1, but ${file} is missing`);
  return undefined;
}
