/** Runs in jest's own process after the last test file. */
export default () => globalThis.stopTestServices();
