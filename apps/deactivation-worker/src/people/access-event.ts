/** The current access of an account, as every service that guards something follows it. Pure. */
import type { NewEvent } from '#event-bus';
import type { Access } from '#events';

export interface AccessState extends Pick<Access, 'status' | 'roles'> {
  readonly id: string;
  readonly tenant: string;
  readonly notBefore: Date | null;
  readonly sequence: number;
  readonly causationId: string;
  /** Left out: the current one. */
  readonly traceparent?: string | null;
}

export const accessEvent = ({ id, tenant, status, roles, notBefore, ...rest }: AccessState): NewEvent => ({
  type: 'com.stackflow.identity.access.changed.v1',
  tenant,
  subject: id,
  data: { account: id, status, roles, notBefore: notBefore?.toISOString() ?? null },
  ...rest,
});
