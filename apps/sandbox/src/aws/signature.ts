/**
 * Refuses unsigned requests and requests that are signed for another service, as AWS does. The signature itself is not
 * verified, because the sandbox accepts any credentials.
 */
import type { IncomingHttpHeaders } from 'node:http';
import { AwsError } from './aws-error.js';

const AUTHORIZATION =
  /^AWS4-HMAC-SHA256 +Credential=([^/,\s]+)\/(\d{8})\/([a-z0-9-]+)\/([a-z0-9-]+)\/aws4_request, *SignedHeaders=([a-z0-9;-]+), *Signature=[0-9a-f]{64}$/;

export function checkSignature(headers: IncomingHttpHeaders, service: string): void {
  const { authorization } = headers;
  if (!authorization) throw new AwsError('MissingAuthenticationTokenException', 'Missing Authentication Token');
  const match = AUTHORIZATION.exec(authorization);
  if (!match)
    throw new AwsError(
      'IncompleteSignatureException',
      'The Authorization header is no well-formed AWS4-HMAC-SHA256 signature.',
    );
  const [, , date, , scope, signed] = match;
  const stamp = headers['x-amz-date'];
  if (typeof stamp !== 'string' || !/^\d{8}T\d{6}Z$/.test(stamp))
    throw new AwsError(
      'IncompleteSignatureException',
      "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.",
    );
  if (!stamp.startsWith(date ?? ''))
    throw new AwsError('InvalidSignatureException', 'Date in Credential scope does not match the date of the request.');
  if (scope !== service)
    throw new AwsError('InvalidSignatureException', `Credential should be scoped to correct service: '${service}'.`);
  if (!signed?.split(';').includes('host'))
    throw new AwsError('InvalidSignatureException', "'Host' must be a 'SignedHeader' in the AWS Authorization.");
}
