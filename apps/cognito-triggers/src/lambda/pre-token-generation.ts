import { preTokenGeneration } from '../pre-token-generation.js';
import { assertionKeys } from './settings.js';

export const handler = preTokenGeneration(assertionKeys());
