import { isUrgent, nextStep, type AccessState, type CognitoState, type Step } from './plan.js';

const state = (change: Partial<AccessState>): AccessState => ({
  desired: 'disabled',
  actual: null,
  signOutDue: true,
  lifted: false,
  ...change,
});

describe('the next step in Cognito', () => {
  it.each<[Partial<AccessState>, Step]>([
    [{ actual: null }, 'disable'],
    [{ actual: 'enabled' }, 'disable'],
    [{ actual: 'disabled' }, 'sign-out'],
    [{ actual: 'disabled', signOutDue: false }, 'confirm'],
    [{ actual: 'absent' }, 'confirm'],
  ])('to end access in the state %j is %s', (change, step) => {
    expect(nextStep(state(change))).toBe(step);
  });

  it.each<[Partial<AccessState>, Step]>([
    [{ actual: 'disabled' }, 'sign-out'],
    [{ actual: null }, 'sign-out'],
    [{ actual: 'disabled', signOutDue: false }, 'enable'],
    // The call is repeated for its instant: the fence is lifted by Cognito's clock.
    [{ actual: 'enabled', signOutDue: false }, 'enable'],
    [{ actual: 'absent' }, 'lift'],
    [{ actual: null, signOutDue: false, lifted: true }, 'confirm'],
    [{ actual: 'disabled', signOutDue: false, lifted: true }, 'enable'],
    [{ actual: 'enabled', signOutDue: false, lifted: true }, 'end'],
    [{ actual: 'absent', lifted: true }, 'end'],
  ])('to give access back in the state %j is %s', (change, step) => {
    expect(nextStep(state({ desired: 'enabled', ...change }))).toBe(step);
  });

  it('is urgent only while Cognito may let in a person who should have no access', () => {
    const urgent = (desired: AccessState['desired']) =>
      (['enabled', null, 'disabled', 'absent'] as CognitoState[]).map((actual) => isUrgent({ desired, actual }));
    expect(urgent('disabled')).toEqual([true, true, false, false]);
    expect(urgent('enabled')).toEqual([false, false, false, false]);
  });
});
