import { isUrgent, nextStep, type AccessState, type CognitoState, type Step } from './plan.js';

const state = (change: Partial<AccessState>): AccessState => ({
  desiredAccess: 'disabled',
  actualAccess: null,
  signOutDue: true,
  lifted: false,
  ...change,
});

describe('the next step in Cognito', () => {
  it.each<[Partial<AccessState>, Step]>([
    [{ actualAccess: null }, 'disable'],
    [{ actualAccess: 'enabled' }, 'disable'],
    [{ actualAccess: 'disabled' }, 'sign-out'],
    [{ actualAccess: 'disabled', signOutDue: false }, 'confirm'],
    [{ actualAccess: 'absent' }, 'confirm'],
  ])('to end access in the state %j is %s', (change, step) => {
    expect(nextStep(state(change))).toBe(step);
  });

  it.each<[Partial<AccessState>, Step]>([
    [{ actualAccess: 'disabled' }, 'sign-out'],
    [{ actualAccess: null }, 'sign-out'],
    [{ actualAccess: 'disabled', signOutDue: false }, 'enable'],
    // The call is repeated for its instant: the fence is lifted by Cognito's clock.
    [{ actualAccess: 'enabled', signOutDue: false }, 'enable'],
    [{ actualAccess: 'absent' }, 'lift'],
    [{ actualAccess: null, signOutDue: false, lifted: true }, 'confirm'],
    [{ actualAccess: 'disabled', signOutDue: false, lifted: true }, 'enable'],
    [{ actualAccess: 'enabled', signOutDue: false, lifted: true }, 'end'],
    [{ actualAccess: 'absent', lifted: true }, 'end'],
  ])('to give access back in the state %j is %s', (change, step) => {
    expect(nextStep(state({ desiredAccess: 'enabled', ...change }))).toBe(step);
  });

  it('is urgent only while Cognito may let in a person who should have no access', () => {
    const urgent = (desiredAccess: AccessState['desiredAccess']) =>
      (['enabled', null, 'disabled', 'absent'] as CognitoState[]).map((actualAccess) =>
        isUrgent({ desiredAccess, actualAccess }),
      );
    expect(urgent('disabled')).toEqual([true, true, false, false]);
    expect(urgent('enabled')).toEqual([false, false, false, false]);
  });
});
