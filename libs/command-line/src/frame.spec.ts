import { execFile } from 'node:child_process';
import { Option } from 'commander';
import { compiled } from '../../../test/support/services.js';
import { runProgram, type Io } from './frame.js';
import { EXIT } from './exit-codes.js';
import { duration } from './inputs.js';
import type { CommandSpec, ProgramSpec } from './program.js';
import { Refusal } from './refusal.js';
import { instant, oneLine, PLAIN, type Screen } from './screen.js';
import { fields, table } from './table.js';

let loaded: string[] = [];
const greet: CommandSpec<{ readonly loud?: boolean; readonly colour?: string }> = {
  usage: 'greet <name...>',
  summary: 'greets people',
  examples: ['people greet ada'],
  options: (command) =>
    command
      .option('--loud', 'in capitals')
      .addOption(new Option('--colour <colour>', 'which').choices(['red', 'green'])),
  run: async ({ args, flags, typed }) => {
    if (args.includes('nobody')) throw new Refusal(`There is nobody. Try: ${typed('people greet ada')}`);
    if (args.includes('bug')) throw new Error('broken');
    const text = `Hello ${args.join(', ')}`;
    return {
      text: flags.loud ? text.toUpperCase() : text,
      json: { greeted: args },
      ...(args[1] && { warning: 'Several.' }),
    };
  },
};
const spec: ProgramSpec = {
  name: 'tool',
  description: 'A tool.',
  examples: ['people greet ada'],
  entries: [
    { name: 'people', summary: 'people', load: async () => (loaded.push('people'), [greet]) },
    {
      name: 'look',
      summary: 'looks',
      load: async () => (loaded.push('look'), { ...greet, usage: 'look <name>' }),
    },
  ],
};
const run = async (args: string, io: Io = {}) => {
  let [out, err] = ['', ''];
  const code = await runProgram(spec, args.split(' ').filter(Boolean), {
    env: {},
    out: (text) => (out += text),
    err: (text) => (err += text),
    ...io,
  });
  return { code, out, err };
};
beforeEach(() => (loaded = []));

describe('the frame of a command line', () => {
  it('prints text or, with --json, nothing but pretty JSON; warnings go to standard error', async () => {
    expect(await run('people greet ada --loud')).toEqual({ code: EXIT.ok, out: 'HELLO ADA\n', err: '' });
    expect(await run('people greet ada bob --json')).toEqual({
      code: EXIT.ok,
      out: '{\n  "greeted": [\n    "ada",\n    "bob"\n  ]\n}\n',
      err: 'Several.\n',
    });
  });

  it('loads only the code of the area that is used', async () => {
    expect((await run('--help')).out).toContain('people greet ada');
    expect(loaded).toEqual([]);
    await run('look ada');
    expect(loaded).toEqual(['look']);
  });

  it('refuses in words, and names commands as they are typed here', async () => {
    expect(await run('people greet nobody')).toMatchObject({
      code: EXIT.refused,
      err: 'There is nobody. Try: tool people greet ada\n',
    });
    const viaNpm = await run('people greet nobody', { env: { npm_lifecycle_event: 'tool' } });
    expect(viaNpm.err).toContain('npm run tool -- people greet ada');
    expect((await run('people greet --help', { env: { npm_lifecycle_event: 'tool' } })).out).toContain(
      'Examples:\n  npm run tool -- people greet ada',
    );
  });

  it.each([
    '',
    'people',
    'people greet',
    'people frobnicate',
    'frobnicate',
    'people greet ada --frob',
    'look --colour blue x',
  ])('calls "%s" wrong usage and says where help is', async (args) => {
    const { code, err } = await run(args);
    expect([code, err]).toEqual([EXIT.usage, expect.stringMatching(/--help|help \[command\]/)]);
  });

  it('does not hide a bug', async () => {
    await expect(run('people greet bug')).rejects.toThrow('broken');
  });

  it('survives a reader that goes away, as "| head" does', async () => {
    await compiled();
    const script = `node dist/apps/cli/src/main.js accounts --help | head -1; echo "$\{PIPESTATUS[0]}"`;
    const out = await new Promise<string>((resolve) =>
      execFile('bash', ['-c', script.replace('node ', `${process.execPath} `)], (_, stdout, stderr) =>
        resolve(stdout + stderr),
      ),
    );
    expect(out).toMatch(/^Usage: stackflow accounts[^\n]*\n0\n$/);
  });
});

describe('completion', () => {
  const words = async (...typed: string[]) =>
    (await run(['completion', '--words', ...typed].join(' '))).out.split('\n').filter(Boolean);

  it('knows areas, verbs, options and their choices', async () => {
    expect((await run('completion --words p')).out).toBe('people\n');
    expect(await words('people', 'g')).toEqual(['greet']);
    expect(await words('people', 'greet', '--l')).toEqual(['--loud']);
    expect(await words('people', 'greet', '--colour', 'r')).toEqual(['red']);
  });

  it.each(['bash', 'zsh', 'fish'])('prints a script for %s that asks the program', async (shell) => {
    const { code, out } = await run(`completion ${shell}`);
    expect([code, out]).toEqual([EXIT.ok, expect.stringContaining('tool completion --words')]);
  });

  it('refuses other shells and explains itself', async () => {
    expect(await run('completion csh')).toMatchObject({
      code: EXIT.usage,
      err: expect.stringContaining('bash, zsh, fish'),
    });
    expect((await run('completion --help')).out).toContain('completion script');
  });
});

describe('a table', () => {
  interface Row {
    readonly name: string;
    readonly error: string | null;
    readonly id: string;
  }
  const columns = [
    { head: 'NAME', cell: (r: Row) => r.name },
    { head: 'ERROR', cell: (r: Row) => r.error, shrink: 1 },
    { head: 'ID', cell: (r: Row) => r.id, shrink: 2 },
  ];
  const rows = [
    { name: 'ada', error: 'the quick brown fox jumps', id: '0198aaaa-0000-7000-8000-000000000001' },
    { name: 'bob', error: null, id: '2' },
  ];
  const screen = (width: number): Screen => ({ ...PLAIN, width });
  const widest = (text: string): number => Math.max(...text.split('\n').map((line) => line.length));

  it('is printed in full into a pipe', () => {
    expect(table(PLAIN, rows, columns).split('\n')).toEqual([
      'NAME  ERROR                      ID',
      'ada   the quick brown fox jumps  0198aaaa-0000-7000-8000-000000000001',
      'bob   -                          2',
    ]);
  });

  it('fits a terminal: the columns with the highest number give way first, then leave', () => {
    expect(table(screen(50), rows, columns)).toContain('the quick brown fox jumps  0198aaaa-0000-70…');
    expect(table(screen(40), rows, columns)).toContain('the quick brown f');
    expect(table(screen(20), rows, columns)).not.toContain('ID');
    for (const width of [20, 30, 40, 50, 60])
      expect(widest(table(screen(width), rows, columns))).toBeLessThanOrEqual(width);
  });

  it('lets no text of others move the cursor or turn the line', () => {
    expect(oneLine('a\u001b[2Jb\u202ec\nd')).toBe('a\ufffd[2Jb\ufffdc d');
    expect(fields([['Name', 'x\u0007']])).toBe('Name   x\ufffd');
  });
});

it('prints instants in one format, with date, milliseconds and UTC', () => {
  expect(instant('2026-12-01T01:02:03+01:00')).toBe('2026-12-01T00:02:03.000Z');
  expect(instant(null)).toBe('-');
});

it('reads durations with their unit', () => {
  expect([duration('0'), duration('90s'), duration('24h'), duration('7d')]).toEqual([
    0, 90_000, 86_400_000, 604_800_000,
  ]);
  for (const text of ['24', 'soon', '31d', '-1h']) expect(() => duration(text)).toThrow();
});
