/** identity-service's account of one person: its real `nextStatus`, and the gate before it. */
import { nextStatus } from '../../../apps/identity-service/src/accounts/status.js';
import type { AccessState } from '../../../apps/identity-service/src/accounts/subject.js';
import type { AccessRecord } from './people.js';

export class ModelIdentity {
  status: AccessState['status'] = 'inactive';
  private word: AccessState | null = null;
  private version = 0;

  accessChanged(record: AccessRecord | undefined): void {
    if (!record || record.version <= this.version) return;
    this.version = record.version;
    this.word = { status: record.status, causationId: '' };
  }

  evaluate(directory: { readonly active: boolean; readonly deleted: boolean } | undefined): void {
    if (!directory) return;
    const { active, deleted } = directory;
    this.status = nextStatus({
      current: { status: this.status },
      directory: { active, deleted },
      access: this.word,
    });
  }
}
