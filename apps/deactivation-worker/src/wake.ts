/** Hints to the background loops of this process. The loops poll too, so a lost hint costs milliseconds. */
import { Injectable } from '@nestjs/common';
import { EventEmitter } from 'node:events';

/** `admit`: a case is new. `run`: somebody's access in Cognito has to change. */
@Injectable()
export class OffboardingWake extends EventEmitter<{ admit: []; run: [] }> {}
