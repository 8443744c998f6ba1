/**
 * The part of AWS Secrets Manager (JSON 1.1 over HTTP) that the real SDK needs in tests. In addition to what the sandbox
 * offers, it counts requests and can be broken.
 */
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** `mute` carries out a request and never answers: the client does not know the outcome. */
type Mode = 'ok' | 'error' | 'hang' | 'mute' | 'mute-put';

interface Version {
  readonly id: string;
  readonly value: string;
}

export class FakeSecretsManager {
  /** Every operation that arrived, e.g. `GetSecretValue AWSCURRENT`. */
  readonly calls: string[] = [];
  mode: Mode = 'ok';
  private readonly secrets = new Map<string, Version[]>();
  private readonly server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const operation = String(request.headers['x-amz-target']).replace('secretsmanager.', '');
      const input = JSON.parse(Buffer.concat(chunks).toString() || '{}') as Record<string, string>;
      this.calls.push([operation, input.VersionStage].filter(Boolean).join(' '));
      if (this.mode === 'hang') return;
      const [status, body] =
        this.mode === 'error' ? [500, fault('InternalServiceError')] : this.answer(operation, input);
      if (this.mode === 'mute' || (this.mode === 'mute-put' && operation === 'PutSecretValue')) return;
      response.writeHead(status, { 'content-type': 'application/x-amz-json-1.1' }).end(JSON.stringify(body));
    });
  });

  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  /** The values of a secret, newest first. */
  values(name: string): string[] {
    return (this.secrets.get(name) ?? []).map((v) => v.value);
  }

  /** Stores a value, as another client of Secrets Manager would. */
  seed(name: string, value: string): void {
    this.secrets.set(name, [{ id: randomUUID(), value }, ...(this.secrets.get(name) ?? [])]);
  }

  private answer(operation: string, input: Record<string, string>): [number, unknown] {
    const name = input.SecretId ?? input.Name ?? '';
    const versions = this.secrets.get(name);
    if (operation === 'CreateSecret') {
      if (versions) return [400, fault('ResourceExistsException')];
      this.secrets.set(name, [version(input)]);
      return [200, { Name: name }];
    }
    if (!versions) return [400, fault('ResourceNotFoundException')];
    if (operation === 'DeleteSecret') {
      this.secrets.delete(name);
      return [200, { Name: name }];
    }
    if (operation === 'PutSecretValue') {
      // A repeated request token does not add a version; retries of the SDK depend on that.
      if (!versions.some((v) => v.id === input.ClientRequestToken)) versions.unshift(version(input));
      return [200, { Name: name, VersionStages: ['AWSCURRENT'] }];
    }
    const found = versions[input.VersionStage === 'AWSPREVIOUS' ? 1 : 0];
    return found ? [200, { Name: name, SecretString: found.value }] : [400, fault('ResourceNotFoundException')];
  }
}

const version = (input: Record<string, string>): Version => ({
  id: input.ClientRequestToken ?? randomUUID(),
  value: input.SecretString ?? '',
});
const fault = (type: string) => ({ __type: type, message: `${type} of the test` });
