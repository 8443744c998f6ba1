/** `npm run events`: the bus of the running local stack, or of the database that DATABASE_URL names. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { EventsError, runEvents, type EventsTarget } from '#event-bus';

function target(): EventsTarget {
  const { DATABASE_URL, EVENT_CARRIER, KAFKA_BROKERS, KAFKA_TOPIC_PREFIX, STACK_DIR } = process.env;
  if (DATABASE_URL) {
    if (EVENT_CARRIER !== undefined && EVENT_CARRIER !== 'postgres' && EVENT_CARRIER !== 'kafka')
      throw new EventsError('EVENT_CARRIER is "postgres" or "kafka".');
    return {
      postgres: DATABASE_URL,
      carrier: EVENT_CARRIER ?? 'postgres',
      ...brokers(KAFKA_BROKERS),
      ...(KAFKA_TOPIC_PREFIX && { topicPrefix: KAFKA_TOPIC_PREFIX }),
    };
  }
  const file = path.resolve(STACK_DIR ?? '.local', 'stack.json');
  const stack = readStack(file);
  if (!stack)
    throw new EventsError(
      `No stack is running here (${file} is missing). Start one with "npm start", or set DATABASE_URL to an administrator's Postgres URL.`,
    );
  return { postgres: stack.postgres, carrier: stack.carrier, ...brokers(stack.kafka) };
}

const brokers = (list: string | null | undefined): { brokers?: string[] } =>
  list ? { brokers: list.split(',').map((b) => b.trim()) } : {};

function readStack(
  file: string,
): { postgres: string; carrier: 'postgres' | 'kafka'; kafka: string | null } | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as {
      postgres: string;
      carrier: 'postgres' | 'kafka';
      kafka: string | null;
    };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

process.exitCode = await runEvents(process.argv.slice(2), {
  target,
  operator: process.env.USER ?? `uid ${process.getuid?.() ?? '?'}`,
});
