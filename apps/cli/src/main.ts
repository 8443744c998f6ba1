import { runMain } from '#command-line';
import { stackflow } from './stackflow.js';

await runMain(stackflow);
