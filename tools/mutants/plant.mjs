/** Compiles as swc does, but with the bug in the environment planted. No file changes, so nothing has to be restored. */
import swcJest from '@swc/jest';

const swc = swcJest.createTransformer({ swcrc: true });
const bug = JSON.parse(process.env.PLANTED_BUG);
const plant = (source, file) => (file.endsWith(`/${bug.file}`) ? source.replace(bug.find, () => bug.replace) : source);

export default {
  ...swc,
  process: (source, file, options) => swc.process(plant(source, file), file, options),
  processAsync: (source, file, options) => swc.processAsync(plant(source, file), file, options),
  getCacheKey: (source, file, options) => swc.getCacheKey(plant(source, file), file, options),
};
