import { runService } from '#platform';
import { scimGateway } from './service.js';

await runService(scimGateway());
