import { runProvision } from './job.js';

process.exitCode = await runProvision(process.argv.slice(2));
