/** A password that satisfies any pool policy and that nobody ever learns. */
import { randomBytes } from 'node:crypto';

/** 65 characters with about 350 bits of chance; upper, lower, digit and symbol are always among them. */
export const randomPassword = (): string => `aA1!${randomBytes(45).toString('base64')}`;
