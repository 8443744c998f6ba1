/** Wakes the background loops of this process. The loops also poll, so a lost wake-up costs only milliseconds. */
import { Injectable } from '@nestjs/common';
import { EventEmitter } from 'node:events';

/** `admit`: a case is new. `held`: the brake holds a case. `run`: somebody's access in Cognito has to change. */
@Injectable()
export class OffboardingWake extends EventEmitter<{ admit: []; held: []; run: [] }> {}
