import { verifyAuthChallengeResponse } from '../verify-auth-challenge-response.js';
import { assertionKeys, log } from './settings.js';

export const handler = verifyAuthChallengeResponse(assertionKeys(), log);
