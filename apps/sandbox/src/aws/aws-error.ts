/** An AWS exception on the JSON 1.1 wire: HTTP 400 (500 for the service's own fault) and `{"__type","message"}`. */
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
