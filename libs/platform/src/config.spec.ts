import {
  choice,
  ConfigError,
  decimal,
  describeConfig,
  flag,
  integer,
  list,
  loadConfig,
  optionalUrl,
  postgresUrl,
  printableConfig,
  secret,
  text,
  url,
} from './config.js';

const shape = {
  NAME: text({ purpose: 'What it is called.', example: 'x' }),
  PORT: integer({ purpose: 'Where it listens.', example: '3000', default: 3000, min: 0, max: 65535 }),
  DATABASE_URL: postgresUrl({ purpose: 'The database.', example: 'postgres://a:b@c/d' }),
  TOKEN: secret({ purpose: 'A token.', example: '$(openssl rand -hex 32)', minLength: 16 }),
  MODE: choice(['fast', 'safe'], { purpose: 'How.', example: 'safe', default: 'safe' }),
  LOUD: flag({ purpose: 'Speak up.', example: 'true', default: false }),
  SHARE: decimal({ purpose: 'Part of it.', example: '0.5', default: 0.5, min: 0, max: 1 }),
  HOSTS: list({ purpose: 'Who.', example: 'a,b', default: ['a'] }),
  PEERS: list({ purpose: 'Who else.', example: 'a,b', default: [] }),
  ELSEWHERE: optionalUrl({ purpose: 'Another URL.', example: 'http://x' }),
  ORIGIN: url({ purpose: 'URL of this service.', example: 'https://x', default: 'https://x' }),
};
const good = { NAME: 'n', DATABASE_URL: 'postgres://role:pass-word@db:5432/stackflow', TOKEN: 'x'.repeat(16) };

const faultsOf = (env: NodeJS.ProcessEnv): readonly string[] => {
  try {
    loadConfig('svc', shape, env);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.faults;
    throw error;
  }
};

describe('configuration', () => {
  it('has typed values and defaults', () => {
    expect(loadConfig('svc', shape, { ...good, HOSTS: ' a , b,,', PORT: '0', LOUD: 'true' })).toEqual({
      ...good,
      PORT: 0,
      MODE: 'safe',
      PEERS: [],
      LOUD: true,
      SHARE: 0.5,
      HOSTS: ['a', 'b'],
      ELSEWHERE: undefined,
      ORIGIN: 'https://x',
    });
  });

  it('reports all faults at once, each with purpose and example', () => {
    const faults = faultsOf({
      PORT: '70000',
      MODE: 'wild',
      LOUD: 'yes',
      SHARE: '2',
      ELSEWHERE: 'nowhere',
      ORIGIN: 'ftp://x',
      TOKEN: 'short',
    });
    expect(faults.map((f) => f.split(' ')[0])).toEqual([
      'NAME',
      'PORT',
      'DATABASE_URL',
      'TOKEN',
      'MODE',
      'LOUD',
      'SHARE',
      'ELSEWHERE',
      'ORIGIN',
    ]);
    for (const fault of faults) expect(fault).toMatch(/ Example: [A-Z_]+=/);
    expect(faults[0]).toBe('NAME is not set. What it is called. Example: NAME=x');
  });

  it('treats an empty variable as unset', () => {
    expect(faultsOf({ ...good, NAME: '', PORT: '' })).toEqual([expect.stringContaining('NAME is not set')]);
  });

  it.each(['1e3', '0x10', '3.5', ' 7', 'NaN', '-1'])('does not accept %s as a port', (PORT) => {
    expect(faultsOf({ ...good, PORT })).toEqual([expect.stringMatching(/^PORT is /)]);
  });

  it('never prints a bad secret', () => {
    const faults = faultsOf({ ...good, TOKEN: 'tell-no-one', DATABASE_URL: 'mysql://u:tell-no-one@h/d' }).join('\n');
    expect(faults).toContain('TOKEN has a bad value');
    expect(faults).not.toContain('tell-no-one');
  });

  it('is printed with masked secrets, also inside a URL', () => {
    const printed = printableConfig(shape, loadConfig('svc', shape, good));
    expect(printed).toContain('DATABASE_URL=postgres://role:****@db:5432/stackflow');
    expect(printed).toContain('TOKEN=****');
    expect(printed).toContain('ELSEWHERE=(unset)');
    expect(printed).toContain('PEERS=(unset)');
    expect(printed).not.toContain('pass-word');
  });

  it('describes each setting as required, optional, or with its default', () => {
    const help = describeConfig(shape);
    expect(help).toMatch(/NAME {2}\(required\)/);
    expect(help).toMatch(/PORT {2}\(default 3000\)/);
    expect(help).toMatch(/ELSEWHERE {2}\(optional\)/);
    expect(help).toMatch(/PEERS {2}\(optional\)/);
  });
});
