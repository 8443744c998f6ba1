/** identity-service's account of one person: its real `nextStatus`, and the gate before it. */
import { nextStatus, type WorkersWord } from '../../../apps/identity-service/src/roles/status.js';
import type { AccessRecord } from './people.js';

export class ModelIdentity {
  status: WorkersWord['status'] = 'inactive';
  private word: WorkersWord | null = null;
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
      current: { ...NO_ACCOUNT, status: this.status },
      directory: { ...NO_ATTRIBUTES, active, deleted },
      access: this.word,
    });
  }
}

const NO_ATTRIBUTES = {
  userName: '',
  externalId: null,
  email: null,
  displayName: null,
  givenName: null,
  familyName: null,
};
const NO_ACCOUNT = {
  ...NO_ATTRIBUTES,
  assignedRoles: [],
  roles: [],
  version: 0,
  provisioned: true,
  dirty: false,
  priority: 0,
  toldStatus: null,
  toldCase: 0,
};
