import { isUrgent, nextStep, type DoorSight, type Known, type Step } from './plan.js';

const sight = (change: Partial<DoorSight>): DoorSight => ({
  door: 'closed',
  known: null,
  signOutDue: true,
  lifted: false,
  ...change,
});

describe('the next step at a door', () => {
  it.each<[Partial<DoorSight>, Step]>([
    [{ known: null }, 'disable'],
    [{ known: 'enabled' }, 'disable'],
    [{ known: 'disabled' }, 'sign-out'],
    [{ known: 'disabled', signOutDue: false }, 'confirm'],
    [{ known: 'absent' }, 'confirm'],
  ])('closing, %j: %s', (change, step) => {
    expect(nextStep(sight(change))).toBe(step);
  });

  it.each<[Partial<DoorSight>, Step]>([
    [{ known: 'disabled' }, 'sign-out'],
    [{ known: null }, 'sign-out'],
    [{ known: 'disabled', signOutDue: false }, 'enable'],
    // Its instant is needed: the fence is lifted with Cognito's clock.
    [{ known: 'enabled', signOutDue: false }, 'enable'],
    [{ known: 'absent' }, 'lift'],
    [{ known: null, signOutDue: false, lifted: true }, 'confirm'],
    [{ known: 'disabled', signOutDue: false, lifted: true }, 'enable'],
    [{ known: 'enabled', signOutDue: false, lifted: true }, 'end'],
    [{ known: 'absent', lifted: true }, 'end'],
  ])('opening, %j: %s', (change, step) => {
    expect(nextStep(sight({ door: 'open', ...change }))).toBe(step);
  });

  it('is urgent only where Cognito may still let somebody in who is out', () => {
    const urgent = (door: DoorSight['door']) =>
      (['enabled', null, 'disabled', 'absent'] as Known[]).map((known) => isUrgent({ door, known }));
    expect(urgent('closed')).toEqual([true, true, false, false]);
    expect(urgent('open')).toEqual([false, false, false, false]);
  });
});
