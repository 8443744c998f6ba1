/** A process whose wall clock is five minutes wrong: ahead or behind, depending on its process id. */
const FIVE_MINUTES_MS = 300_000;

const code = `
  const Real = Date;
  const off = process.pid % 2 === 0 ? ${FIVE_MINUTES_MS} : -${FIVE_MINUTES_MS};
  globalThis.Date = class extends Real {
    constructor(...given) {
      if (given.length === 0) super(Real.now() + off);
      else super(...given);
    }
    static now() {
      return Real.now() + off;
    }
  };`;

/** Environment for a service of a stack. */
export const wrongClock = { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(code)}` };
