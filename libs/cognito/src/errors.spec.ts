/** The classes of Cognito's errors, and how the client behaves when a call fails. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Metrics } from '#platform';
import { classifyError, CognitoError, type ErrorClass } from './errors.js';
import type { QuotaGate } from './quota-gate.js';
import { UserPool } from './user-pool.js';

const failure = (name: string, message = 'm', httpStatusCode = 400): Error =>
  Object.assign(new Error(message), { name, $metadata: { httpStatusCode } });

describe('errors of Cognito', () => {
  const table: [string, string, string, ErrorClass][] = [
    ['AdminUpdateUserAttributes', 'UserNotFoundException', 'User does not exist.', 'missing_user'],
    ['AdminCreateUser', 'UsernameExistsException', 'User account already exists', 'exists'],
    ['AdminUpdateUserAttributes', 'AliasExistsException', 'An account with the email already exists.', 'permanent'],
    ['CreateGroup', 'GroupExistsException', 'A group with the name already exists.', 'exists'],
    ['AdminAddUserToGroup', 'ResourceNotFoundException', 'Group not found.', 'missing_group'],
    ['AdminAddUserToGroup', 'ResourceNotFoundException', 'User pool eu-1_x does not exist.', 'config'],
    ['AdminGetUser', 'ResourceNotFoundException', 'User pool eu-1_x does not exist.', 'config'],
    ['AdminGetUser', 'NotAuthorizedException', 'User is disabled.', 'permanent'],
    ['AdminCreateUser', 'InvalidParameterException', 'Invalid email address format.', 'permanent'],
    ['AdminSetUserPassword', 'InvalidPasswordException', 'Password did not conform', 'permanent'],
    ['AdminGetUser', 'TooManyRequestsException', 'Rate exceeded', 'throttled'],
    ['AdminCreateUser', 'LimitExceededException', 'Attempt limit exceeded', 'throttled'],
    ['CreateGroup', 'LimitExceededException', 'Maximum number of groups', 'permanent'],
    ['AdminGetUser', 'InternalErrorException', 'Something went wrong', 'retry'],
    ['AdminGetUser', 'FeatureUnavailableInTierException', 'Not in this plan', 'config'],
    ['AdminGetUser', 'OperationNotEnabledException', 'Not enabled', 'config'],
    ['AdminGetUser', 'UnrecognizedClientException', 'The security token included in the request is invalid.', 'config'],
    ['AdminGetUser', 'toString', 'a name that every object has', 'permanent'],
  ];
  it.each(table)('in %s: %s (%s) is %s', (operation, name, message, wanted) => {
    expect(classifyError(operation, failure(name, message))).toBe(wanted);
  });

  it('are classified by the HTTP status if the name is unknown, and as retry if there was no answer', () => {
    expect(classifyError('AdminGetUser', failure('NewException', 'm', 400))).toBe('permanent');
    expect(classifyError('AdminGetUser', failure('NewException', 'm', 503))).toBe('retry');
    expect(classifyError('AdminGetUser', failure('NewException', 'm', 429))).toBe('throttled');
    expect(
      classifyError('AdminGetUser', Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })),
    ).toBe('retry');
    expect(classifyError('AdminGetUser', 'a string')).toBe('retry');
  });
});

describe('the client', () => {
  let server: Server;
  let requests = 0;
  let answer: (respond: (status: number, body: object) => void) => void;
  let pool: UserPool;
  const drained: string[] = [];
  beforeAll(async () => {
    server = createServer((request, response) => {
      requests++;
      request.resume();
      answer((status, body) =>
        response.writeHead(status, { 'content-type': 'application/x-amz-json-1.1' }).end(JSON.stringify(body)),
      );
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const quota = {
      take: () => Promise.resolve(),
      drain: (category: string) => Promise.resolve(void drained.push(category)),
    } as unknown as QuotaGate;
    const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const credentials = { accessKeyId: 'a', secretAccessKey: 'b' };
    pool = new UserPool({
      region: 'us-east-1',
      userPoolId: 'p',
      endpoint,
      credentials,
      quota,
      metrics: new Metrics('test', { process: false }),
      requestTimeoutMs: 200,
    });
  });
  beforeEach(() => {
    requests = 0;
    drained.length = 0;
  });
  afterAll(async () => {
    pool.close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  const fails = async (work: Promise<unknown>): Promise<CognitoError> => {
    const error = await work.then(
      () => null,
      (e: unknown) => e,
    );
    expect(error).toBeInstanceOf(CognitoError);
    return error as CognitoError;
  };

  it('sends each call once, even when Cognito throttles, and drains the bucket', async () => {
    answer = (respond) => respond(400, { __type: 'TooManyRequestsException', message: 'Rate exceeded' });
    expect((await fails(pool.addToGroup('u', 'g'))).errorClass).toBe('throttled');
    expect(requests).toBe(1);
    expect(drained).toEqual(['UserResourceUpdate']);
  });

  it('gives up after the time limit, with an error that says the result is unknown', async () => {
    answer = () => undefined;
    const error = await fails(pool.getUser('u'));
    expect([error.errorClass, error.code]).toEqual(['retry', 'TimeoutError']);
    expect(error.message).toMatch(/\b200 ms\b/); // the limit of this client, not a default of the SDK
    expect(requests).toBe(1);
  });

  it('returns null for a user that does not exist, and an empty page for a group that does not exist', async () => {
    answer = (respond) => respond(400, { __type: 'UserNotFoundException', message: 'User does not exist.' });
    expect(await pool.getUser('u')).toBeNull();
    answer = (respond) => respond(400, { __type: 'ResourceNotFoundException', message: 'Group not found.' });
    expect(await pool.listUsersInGroup('g', null)).toEqual({ items: [], next: null });
  });

  it('names the operation and the cause in an error, but no attribute value of the person', async () => {
    answer = (respond) =>
      respond(400, { __type: 'InvalidParameterException', message: 'Invalid email address format.' });
    const error = await fails(pool.createUser('u', { email: 'secret-address' }));
    expect(error.message).toBe('AdminCreateUser: InvalidParameterException: Invalid email address format.');
  });
});
