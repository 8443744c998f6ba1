/** `npm run build:triggers` writes a folder for AWS Lambda under dist/triggers for each trigger of the user pool. */
import path from 'node:path';
import { ROOT } from '../local/folder.js';
import { packTriggers } from './pack.js';

const folders = packTriggers(path.join(ROOT, 'dist/apps/cognito-triggers/src'), path.join(ROOT, 'dist/triggers'));
for (const folder of folders)
  process.stdout.write(`${path.relative(ROOT, folder)}/index.mjs  (handler: index.handler, Node 24)\n`);
