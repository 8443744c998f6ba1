export { defineAuthChallenge as handler } from '../define-auth-challenge.js';
