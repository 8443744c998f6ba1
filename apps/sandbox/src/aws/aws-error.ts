/**
 * An AWS exception in the JSON 1.1 protocol: HTTP status 400, or 500 if AWS itself failed, and the body
 * `{"__type","message"}`.
 */
export class AwsError extends Error {
  readonly status: number;

  constructor(
    readonly type: string,
    message: string,
    status?: number,
  ) {
    super(message);
    this.name = 'AwsError';
    this.status = status ?? (type === 'InternalErrorException' || type === 'InternalServiceError' ? 500 : 400);
  }
}

export const invalidParameter = (message: string): AwsError => new AwsError('InvalidParameterException', message);
