/** Connects an event consumer to a Nest application so that a handler's own error reaches the transport. */
import { Catch, type ExceptionFilter, type INestApplication } from '@nestjs/common';
import { NestMicroservice, type CustomTransportStrategy } from '@nestjs/microservices';
import { throwError, type Observable } from 'rxjs';

/** Nest's default filter would replace the error by "Internal server error", which hides poison and outages. */
@Catch()
class RethrowFilter implements ExceptionFilter {
  catch(error: unknown): Observable<never> {
    return throwError(() => error);
  }
}

/** Registers the controllers' `@EventPattern` handlers with `strategy`. Guards, pipes and filters of HTTP do not apply. */
export function connectConsumer(app: INestApplication, strategy: CustomTransportStrategy): void {
  const consumer = app.connectMicroservice({ strategy }, { inheritAppConfig: false, deferInitialization: true });
  if (!(consumer instanceof NestMicroservice)) throw new Error('connectMicroservice returned something unknown');
  consumer.useGlobalFilters(new RethrowFilter());
  consumer.registerListeners();
  consumer.setIsInitialized(true);
  consumer.setIsInitHookCalled(true); // the application runs the lifecycle hooks, once
}
