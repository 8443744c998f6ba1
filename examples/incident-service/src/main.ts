import { runSubscriber } from '@stackflow/identity-events';
import { subscriber } from './subscriber.js';

await runSubscriber(subscriber);
