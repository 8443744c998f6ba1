/**
 * Loaded before a service: stack traces name the lines of our sources. The option --enable-source-maps would read the
 * maps of all packages too, which makes a start a sixth slower.
 */
import module from 'node:module';

// Node 20 cannot leave the packages out.
if ('setSourceMapsSupport' in module) module.setSourceMapsSupport(true, { nodeModules: false });
else process.setSourceMapsEnabled(true);
