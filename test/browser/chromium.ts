/** The machine's own Chromium, headless and without a word to anybody but the pages under test. */
import { chromium, type Browser } from 'playwright-core';
import { findChromium } from '../../tools/local/chromium.js';

const executablePath = findChromium();
if (executablePath === undefined && process.env.REQUIRE_BROWSER === '1')
  throw new Error('REQUIRE_BROWSER=1, but there is no Chromium: install one, or name it in CHROMIUM');

/** Without a browser the whole suite counts as skipped; what only looks like one is in test/auth and test/e2e. */
export const inBrowser = executablePath === undefined ? describe.skip : describe;

/** Chromium looks for updates, policies and news of its maker at every start; where the network is closed it would insist. */
const QUIET = [
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  // A page that asks for something outside (oidc-provider's for a font) waits for nobody.
  '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1',
];

export const launch = (): Promise<Browser> =>
  chromium.launch({ args: QUIET, ...(executablePath !== undefined && { executablePath }) });
