import { runMain } from '#command-line';
import { okta } from './cli/program.js';

await runMain(okta);
