import { runOktaCli } from './cli/program.js';

process.exitCode = await runOktaCli(process.argv.slice(2));
