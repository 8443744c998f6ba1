/** An error of AWS's JSON 1.1 protocol: status 400, or 500 if AWS itself failed. */
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
