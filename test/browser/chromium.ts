/** The machine's own Chromium, headless, without network access except to the pages under test. */
import { chromium, type Browser } from 'playwright-core';
import { findChromium } from '../../tools/local/chromium.js';

const executablePath = findChromium();
if (executablePath === undefined && process.env.REQUIRE_BROWSER === '1')
  throw new Error('REQUIRE_BROWSER=1, but there is no Chromium: install one, or name it in CHROMIUM');

/** Without a browser the whole suite counts as skipped. test/auth and test/e2e test sign-ins without a browser. */
export const inBrowser = executablePath === undefined ? describe.skip : describe;

/** Chromium requests updates, policies and news at every start, and retries where the network is closed. */
const QUIET = [
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  // A request to another host (a font of oidc-provider's pages) must fail at once.
  '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1',
];

export const launch = (): Promise<Browser> =>
  chromium.launch({ args: QUIET, ...(executablePath !== undefined && { executablePath }) });
