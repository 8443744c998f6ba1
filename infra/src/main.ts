/** The entry of `cdk synth|diff|deploy`. Node runs TypeScript directly. See docs/user-pool.md for a walk-through. */
import { App } from 'aws-cdk-lib/core';
import { settingsFrom } from './settings.ts';
import { UserPoolStack } from './user-pool-stack.ts';

const app = new App();
const settings = settingsFrom((name) => app.node.tryGetContext(name) as unknown);
new UserPoolStack(app, settings.stackName, {
  ...settings,
  env: { account: settings.account, region: settings.region },
});
