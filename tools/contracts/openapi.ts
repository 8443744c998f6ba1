/** Generates the OpenAPI document of each internal API from DTO classes and decorators of controllers. */
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { DocumentBuilder, SwaggerModule, type OpenAPIObject } from '@nestjs/swagger';
import {
  createApplication,
  createLogger,
  Health,
  loadConfig,
  Metrics,
  type ConfigOf,
  type ConfigShape,
  type Database,
  type ServiceDefinition,
  type serviceSettings,
} from '#platform';
import { ROOT } from '../local/folder.js';

type Definition = ServiceDefinition<typeof serviceSettings & ConfigShape>;
type Schemas = NonNullable<NonNullable<OpenAPIObject['components']>['schemas']>;

/** Apps that are not part of the product. The sandbox imitates Okta and AWS and has no internal API. */
const NOT_THE_PRODUCT = ['sandbox'];

/** Returns the service definition of every app whose `service.ts` exports one. */
export async function services(): Promise<Definition[]> {
  const apps = readdirSync(path.join(ROOT, 'apps')).filter(
    (app) => !NOT_THE_PRODUCT.includes(app) && existsSync(path.join(ROOT, 'apps', app, 'src/service.ts')),
  );
  const definitions = await Promise.all(
    apps.map(async (app) => {
      const exported = (await import(`../../apps/${app}/src/service.js`)) as Record<string, unknown>;
      return Object.values(exported).find(isDefinition);
    }),
  );
  return definitions.filter((definition) => definition !== undefined);
}

const isDefinition = (value: unknown): value is Definition =>
  typeof value === 'object' && value !== null && 'name' in value && 'config' in value && 'module' in value;

/** Does not start the service: in preview mode, Nest creates no providers and calls no factories. */
export async function openapi(definition: Definition): Promise<OpenAPIObject> {
  const app = await createApplication(
    definition,
    {
      service: definition.name,
      config: exampleConfig(definition),
      database: { schema: definition.database.schema } as Database,
      logger: createLogger(definition.name, 'silent'),
      metrics: new Metrics(definition.name, { process: false }),
      health: new Health(),
    },
    { preview: true },
  );
  const description = `Internal API of ${definition.name}. Callers send <caller>.<secret> as a bearer token. x-scope is the scope that a route needs.`;
  const builder = new DocumentBuilder().setTitle(definition.name).setDescription(description).addBearerAuth();
  const document = SwaggerModule.createDocument(app, builder.build());
  await app.close();
  return onlyInternal(document);
}

function exampleConfig({ name, config }: Definition): ConfigOf<Definition['config']> {
  const required = Object.entries(config).filter(([, setting]) => !setting.schema.safeParse(undefined).success);
  return loadConfig(name, config, Object.fromEntries(required.map(([key, setting]) => [key, setting.example])));
}

function onlyInternal(document: OpenAPIObject): OpenAPIObject {
  const paths = Object.fromEntries(Object.entries(document.paths).filter(([route]) => route.startsWith('/internal')));
  const schemas: Schemas = {};
  const collect = (value: unknown): void => {
    for (const [, name = ''] of JSON.stringify(value).matchAll(/"#\/components\/schemas\/([^"]+)"/g)) {
      const schema = document.components?.schemas?.[name];
      if (!schema || schemas[name]) continue;
      schemas[name] = schema;
      collect(schema);
    }
  };
  collect(paths);
  const sorted = Object.fromEntries(Object.entries(schemas).sort(([a], [b]) => (a < b ? -1 : 1)));
  return { ...document, paths, components: { ...document.components, schemas: sorted } };
}
