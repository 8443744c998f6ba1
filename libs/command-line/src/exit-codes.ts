/** The exit codes of all our commands. Codes from 64 on are those of sysexits.h. */
export const EXIT = {
  ok: 0,
  /** The command was understood and refused: nothing was changed. */
  refused: 1,
  /** EX_USAGE: the command line itself is wrong. */
  usage: 64,
  /** EX_UNAVAILABLE: a service, the database or a broker does not answer. */
  unavailable: 69,
  /** EX_SOFTWARE: a bug in the program. */
  bug: 70,
  /** EX_TEMPFAIL: the change is stored, and its event will be published later. */
  notPublished: 75,
  /** EX_CONFIG: the configuration is wrong. */
  config: 78,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];
