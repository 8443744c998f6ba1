import { EXIT, type Screen } from '#command-line';
import { command, anyOwner, target } from '../services.js';
import { diagnose, type Diagnosis, type Line } from './diagnose.js';
import { gather } from './facts.js';

export const doctor = command({
  usage: 'doctor <person>',
  summary:
    'explain why a person cannot get in, still gets in, or has the wrong role; <person> is a user name, an Okta user id or an account id',
  examples: ['doctor ada@example.com', 'doctor 00u1abcdefghijklmnop --tenant acme'],
  run: async (call) => {
    const { args, screen, typed } = call;
    const { services, tenant, about } = await target(call, anyOwner);
    const facts = await gather(services, tenant, args[0] ?? '');
    const diagnosis = diagnose(facts, typed);
    const missing = facts.account.value === null && facts.timeline.value === null;
    return {
      text: about(describe(screen, diagnosis)),
      json: { tenant: tenant.slug, who: facts.who, account: facts.account.value?.id ?? null, ...diagnosis },
      exitCode: missing
        ? EXIT.refused
        : diagnosis.getsIn === null && facts.account.problem
          ? EXIT.unavailable
          : EXIT.ok,
    };
  },
});

const COLOURS = { ok: 'green', wrong: 'red', unknown: 'yellow' } as const;

function describe(screen: Screen, { answer, lines }: Diagnosis): string {
  const width = Math.max(...lines.map(({ part }) => part.length)) + 2;
  const line = ({ part, state, text, next }: Line): string => {
    const head = `${screen.paint(COLOURS[state], state.padEnd(9))}${part.padEnd(width)}${text}`;
    return next === null ? head : `${head}\n${' '.repeat(9 + width)}-> ${next}`;
  };
  return [screen.paint('bold', answer), '', ...lines.map(line)].join('\n');
}
