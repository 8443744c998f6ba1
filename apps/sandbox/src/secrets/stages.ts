/** The staging labels of a secret's versions. A label belongs to one version at a time. */
import { invalidParameter } from '../aws/aws-error.js';

export const CURRENT = 'AWSCURRENT';
const PREVIOUS = 'AWSPREVIOUS';

/** The staging labels of each version, by version id. */
export type Stages = ReadonlyMap<string, readonly string[]>;

const holder = (stages: Stages, label: string): string | undefined =>
  [...stages].find(([, labels]) => labels.includes(label))?.[0];

/**
 * Attaches a label to a version. If AWSCURRENT moves, its former version gets AWSPREVIOUS, so that the old value stays
 * readable for a while.
 */
export function attach(stages: Stages, label: string, to: string): Stages {
  const from = holder(stages, label);
  if (from === to) return stages;
  const moved = new Map([...stages].map(([id, labels]) => [id, labels.filter((l) => l !== label)]));
  moved.set(to, [...(moved.get(to) ?? []), label]);
  return label === CURRENT && from !== undefined ? attach(moved, PREVIOUS, from) : dropPreviousOfCurrent(moved);
}

/** A version never has both AWSCURRENT and AWSPREVIOUS. */
function dropPreviousOfCurrent(stages: Map<string, string[]>): Stages {
  const current = holder(stages, CURRENT);
  if (current === undefined || holder(stages, PREVIOUS) !== current) return stages;
  return stages.set(
    current,
    (stages.get(current) ?? []).filter((l) => l !== PREVIOUS),
  );
}

/** Moves or removes a label as UpdateSecretVersionStage does. It refuses the same requests as AWS. */
export function move(stages: Stages, label: string, from: string | undefined, to: string | undefined): Stages {
  const held = holder(stages, label);
  if (held !== undefined && held !== to && from === undefined) {
    throw invalidParameter(
      `The parameter RemoveFromVersionId can't be empty. Staging label ${label} is currently attached to version ${held}, so you must explicitly reference that version in RemoveFromVersionId.`,
    );
  }
  if (from !== undefined && held !== from)
    throw invalidParameter(
      `The parameter RemoveFromVersionId is not valid: staging label ${label} is not attached to version ${from}.`,
    );
  if (to !== undefined) return attach(stages, label, to);
  if (label === CURRENT)
    throw invalidParameter(
      `You can only move staging label ${CURRENT} to a different secret version. It can't be completely removed.`,
    );
  return new Map([...stages].map(([id, labels]) => [id, labels.filter((l) => l !== label)]));
}
