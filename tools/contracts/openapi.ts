/** An OpenAPI document per service, of its internal API, from the DTO classes and decorators of its controllers. */
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

/** The imitations of Okta and AWS have no internal API of ours. */
const NOT_THE_PRODUCT = ['sandbox'];

/** Every app whose `service.ts` exports a service definition. */
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

/** Builds the module without starting anything: in preview mode Nest creates no provider and calls no factory. */
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
  const description = `Internal API of ${definition.name}. Callers send the service token as bearer token.`;
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
