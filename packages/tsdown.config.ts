/**
 * Bundles a package from its sources and the libraries behind them, as JavaScript and as types. npm packages stay outside
 * of the bundle, so the package.json of the package has to list them. tsdown runs in the folder of the package.
 */
import { globSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'tsdown';

const at = (file: string) => fileURLToPath(new URL(file, import.meta.url));

export default defineConfig({
  cwd: process.cwd(),
  entry: globSync('src/*.ts'),
  format: 'esm',
  platform: 'node',
  target: 'es2023',
  tsconfig: at('./tsconfig.json'),
  dts: true,
  sourcemap: true,
  fixedExtension: false,
  // The OpenAPI decorators of the internal API are only for our own documents. The shim of @nestjs/swagger replaces
  // them, so that the package does not bring Swagger UI.
  alias: { '@nestjs/swagger': at('../node_modules/@nestjs/swagger/dist/extra/swagger-shim.js') },
  // Our modules have no effect when they are loaded, so the bundle leaves out those of which it uses nothing.
  treeshake: { moduleSideEffects: (_, external) => external },
  deps: {
    neverBundle: (id, importer) =>
      importer !== undefined && /^(?!@nestjs\/swagger$|@oxc-project\/runtime\/)[^.#/\\]/.test(id),
    onlyBundle: false,
  },
});
