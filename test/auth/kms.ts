/** A stand-in for AWS KMS: GetPublicKey and Sign over AWS JSON 1.1, by the API reference. */
import { generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

interface Asked {
  readonly KeyId: string;
  readonly SigningAlgorithm?: string;
  readonly MessageType?: string;
  readonly Message?: string;
}

interface HeldKey {
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
  readonly spec: string;
}

const CURVES: Readonly<Record<string, string>> = { ECC_NIST_P256: 'P-256', ECC_NIST_P384: 'P-384' };

export class FakeKms {
  mode: 'ok' | 'denied' = 'ok';
  readonly calls: string[] = [];
  private readonly keys = new Map<string, HeldKey>();
  private readonly server: Server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const operation = String(request.headers['x-amz-target']).replace('TrentService.', '');
      this.calls.push(operation);
      const { status, body } = this.answer(operation, JSON.parse(Buffer.concat(chunks).toString()) as Asked);
      response.writeHead(status, { 'content-type': 'application/x-amz-json-1.1' });
      response.end(JSON.stringify(body));
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

  addKey(keyId: string, spec = 'ECC_NIST_P256'): void {
    this.keys.set(keyId, { ...generateKeyPairSync('ec', { namedCurve: CURVES[spec] ?? 'P-256' }), spec });
  }

  private answer(operation: string, asked: Asked): { status: number; body: object } {
    const refuse = (type: string): { status: number; body: object } => ({ status: 400, body: { __type: type } });
    if (this.mode === 'denied') return refuse('AccessDeniedException');
    const key = this.keys.get(asked.KeyId);
    if (!key) return refuse('NotFoundException');
    if (operation === 'GetPublicKey') {
      const der = key.publicKey.export({ format: 'der', type: 'spki' });
      const body = {
        KeyId: asked.KeyId,
        PublicKey: der.toString('base64'),
        KeySpec: key.spec,
        KeyUsage: 'SIGN_VERIFY',
      };
      return { status: 200, body };
    }
    const message = Buffer.from(asked.Message ?? '', 'base64');
    const fits = asked.MessageType === 'RAW' && message.length > 0 && message.length <= 4_096;
    if (operation !== 'Sign' || asked.SigningAlgorithm !== 'ECDSA_SHA_256' || !fits)
      return refuse('ValidationException');
    const signature = sign('sha256', message, { key: key.privateKey, dsaEncoding: 'der' });
    return { status: 200, body: { KeyId: asked.KeyId, Signature: signature.toString('base64') } };
  }
}
