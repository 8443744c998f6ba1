/** One-shot job that runs before the services: roles, schemas, the shared event log. Safe to repeat. */
import { runProvision } from './job.js';

process.exitCode = await runProvision(process.argv.slice(2));
