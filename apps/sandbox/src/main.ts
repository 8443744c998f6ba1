import { runService } from '#platform';
import { sandboxService } from './service.js';

await runService(sandboxService);
