import { Catch, type ExceptionFilter, type INestApplication } from '@nestjs/common';
import { NestMicroservice, type CustomTransportStrategy } from '@nestjs/microservices';
import { throwError, type Observable } from 'rxjs';

/**
 * Rethrows the error of an event handler. Nest's default filter would replace it with "Internal server error", and the
 * consumer could not recognise invalid events and outages.
 */
@Catch()
class RethrowFilter implements ExceptionFilter {
  catch(error: unknown): Observable<never> {
    return throwError(() => error);
  }
}

/**
 * Registers the controllers' `@EventPattern` handlers with `strategy`. The guards, pipes and filters of HTTP routes do
 * not apply to them.
 */
export function connectConsumer(app: INestApplication, strategy: CustomTransportStrategy): void {
  const consumer = app.connectMicroservice({ strategy }, { inheritAppConfig: false, deferInitialization: true });
  if (!(consumer instanceof NestMicroservice)) throw new Error('connectMicroservice returned something unknown');
  consumer.useGlobalFilters(new RethrowFilter());
  consumer.registerListeners();
  consumer.setIsInitialized(true);
  consumer.setIsInitHookCalled(true); // the application runs the lifecycle hooks; the consumer must not run them a second time
}
