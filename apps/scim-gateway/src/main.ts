import { runService } from '#platform';
import { service } from './service.js';

await runService(service);
