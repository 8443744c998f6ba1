import {
  always,
  choice,
  ConfigError,
  decimal,
  describeConfig,
  flag,
  integer,
  list,
  loadConfig,
  optionalUrl,
  outsideAws,
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

  describe('with NODE_ENV=production', () => {
    const development = {
      ISSUER: optionalUrl({ purpose: 'An issuer.', example: 'http://a', development: always }),
      ENDPOINT: optionalUrl({ purpose: 'An endpoint.', example: 'http://a', development: outsideAws }),
    };
    const load = (env: NodeJS.ProcessEnv) => () => loadConfig('test', development, env);
    const vpc = 'https://vpce-0example.kms.eu-central-1.vpce.amazonaws.com';

    it.each([
      ['a stand-in for an issuer', { ISSUER: 'https://login.example.com' }],
      ['an endpoint that is not of AWS', { ENDPOINT: 'http://localhost:9400' }],
      ['an endpoint whose name only looks like AWS', { ENDPOINT: 'https://amazonaws.com.evil.example' }],
      ['an endpoint of AWS without TLS', { ENDPOINT: 'http://kms.eu-central-1.amazonaws.com' }],
      ['AWS as the user of another host', { ENDPOINT: 'https://a.amazonaws.com@evil.example' }],
    ])('refuses %s unless it is allowed explicitly', (_, env) => {
      expect(load({ ...env, NODE_ENV: 'production' })).toThrow('ALLOW_DEVELOPMENT_SETTINGS=true');
      expect(load({ ...env, NODE_ENV: 'production', ALLOW_DEVELOPMENT_SETTINGS: 'yes' })).toThrow('for development');
      expect(load({ ...env, NODE_ENV: 'production', ALLOW_DEVELOPMENT_SETTINGS: 'true' })()).toMatchObject(env);
      expect(load(env)()).toMatchObject(env);
    });

    it('accepts an endpoint of AWS in a private network, and no value at all', () => {
      expect(load({ ENDPOINT: vpc, NODE_ENV: 'production' })()).toMatchObject({ ENDPOINT: vpc });
      expect(load({ ISSUER: '', NODE_ENV: 'production' })()).toEqual({});
    });
  });
});
