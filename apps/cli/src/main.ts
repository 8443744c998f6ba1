/** The command line of StackFlow's Okta integration: `npm run stackflow -- <area> <verb>`. */
import { runMain } from '#command-line';
import { stackflow } from './stackflow.js';

await runMain(stackflow);
