/** Loaded before a service: tells the launcher which files of this repository the service loads. */
import { registerHooks } from 'node:module';

registerHooks({
  load: (url, context, nextLoad) => {
    if (url.startsWith('file:') && !url.includes('/node_modules/')) process.send?.({ loaded: url });
    return nextLoad(url, context);
  },
});
