export { createAuthChallenge as handler } from '../create-auth-challenge.js';
