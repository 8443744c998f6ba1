/**
 * Serves liveness and readiness. A process that is not live is restarted, and a process that is not ready gets no
 * traffic.
 */
import { Controller, Get, HttpStatus, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { Metrics } from './metrics.js';
import { productVersion } from './version.js';

export type HealthKind = 'live' | 'ready';
/** Rejects with the reason if this part of the service is not healthy. */
export type HealthCheck = () => Promise<void>;

const CHECK_TIMEOUT_MS = 2_000;

export class Health {
  private readonly checks: { kind: HealthKind; name: string; check: HealthCheck }[] = [];

  add(kind: HealthKind, name: string, check: HealthCheck): void {
    this.checks.push({ kind, name, check });
  }

  async report(kind: HealthKind): Promise<{ ok: boolean; checks: Record<string, string> }> {
    const results = await Promise.all(
      this.checks
        .filter((c) => c.kind === kind)
        .map(async ({ name, check }) => {
          let timer: NodeJS.Timeout | undefined;
          const timeout = new Promise<never>((_, reject) => {
            timer = setTimeout(() => reject(new Error(`no answer within ${CHECK_TIMEOUT_MS} ms`)), CHECK_TIMEOUT_MS);
          });
          const state = await Promise.race([check(), timeout]).then(
            () => 'ok',
            (error: unknown) => (error instanceof Error ? error.message || error.name : String(error)),
          );
          clearTimeout(timer);
          return [name, state] as const;
        }),
    );
    return { ok: results.every(([, state]) => state === 'ok'), checks: Object.fromEntries(results) };
  }
}

const VERSION = productVersion();

@Controller()
export class HealthController {
  constructor(
    private readonly health: Health,
    private readonly measured: Metrics,
  ) {}

  @Get('health/live')
  live(@Res() reply: FastifyReply): Promise<void> {
    return this.answer('live', reply);
  }

  @Get('health/ready')
  ready(@Res() reply: FastifyReply): Promise<void> {
    return this.answer('ready', reply);
  }

  @Get('health/version')
  version(): { version: string } {
    return { version: VERSION };
  }

  @Get('metrics')
  async metrics(@Res() reply: FastifyReply): Promise<void> {
    const { registry } = this.measured;
    await reply.type(registry.contentType).send(await registry.metrics());
  }

  private async answer(kind: HealthKind, reply: FastifyReply): Promise<void> {
    const { ok, checks } = await this.health.report(kind);
    await reply
      .status(ok ? HttpStatus.OK : HttpStatus.SERVICE_UNAVAILABLE)
      .send({ status: ok ? 'ok' : 'unavailable', checks });
  }
}
