/** The log files of the services in the folder of a stack, and the warnings and errors in them. */
import fs from 'node:fs';
import path from 'node:path';
import { parseLogLine } from './log-line.js';

/** A file that grows beyond this size replaces the previous one, so a service uses at most twice this space. */
const FILE_LIMIT_BYTES = 20_000_000;
const REPEAT_MS = 60_000;
const NOTICED: Readonly<Record<string, string>> = {
  warn: 'warned',
  error: 'logged an error',
  fatal: 'logged an error',
};

interface LogFile {
  readonly fd: number;
  bytes: number;
}

export class ServiceLogs {
  private readonly files = new Map<string, LogFile>();
  private readonly noticed = new Map<string, { nextAt: number; more: number }>();

  /** `notice` receives one sentence about each warning and error. Repetitions are counted for a minute. */
  constructor(
    readonly folder: string,
    private readonly notice: (text: string) => void,
    private readonly limitBytes = FILE_LIMIT_BYTES,
  ) {
    fs.mkdirSync(folder, { recursive: true });
    for (const name of fs.readdirSync(folder)) if (/^[^.]+\.log$/.test(name)) this.setAside(path.parse(name).name);
  }

  fileOf(service: string): string {
    return path.join(this.folder, `${service}.log`);
  }

  write(service: string, line: string): void {
    let file = this.files.get(service) ?? this.open(service);
    if (file.bytes > this.limitBytes) {
      fs.closeSync(file.fd);
      this.setAside(service);
      file = this.open(service);
    }
    file.bytes += fs.writeSync(file.fd, `${line}\n`);
    this.look(service, line);
  }

  close(): void {
    for (const { fd } of this.files.values()) fs.closeSync(fd);
    this.files.clear();
  }

  private open(service: string): LogFile {
    const file = { fd: fs.openSync(this.fileOf(service), 'w', 0o600), bytes: 0 };
    this.files.set(service, file);
    return file;
  }

  /** Keeps the lines of the previous run, or of a full file, in `<service>.previous.log`. */
  private setAside(service: string): void {
    fs.renameSync(this.fileOf(service), path.join(this.folder, `${service}.previous.log`));
  }

  private look(service: string, line: string): void {
    const entry = parseLogLine(line);
    const verb = entry && NOTICED[entry.level];
    if (!entry || !verb) return;
    const now = Date.now();
    const before = this.noticed.get(`${service} ${entry.msg}`);
    if (before && now < before.nextAt) {
      before.more += 1;
      return;
    }
    this.noticed.set(`${service} ${entry.msg}`, { nextAt: now + REPEAT_MS, more: 0 });
    const reason = (entry.err as { message?: string } | undefined)?.message ?? entry.reason;
    const because = typeof reason === 'string' && reason !== entry.msg ? ` (${reason})` : '';
    const again = before && before.more > 0 ? ` The same was logged ${before.more} more times before.` : '';
    const said = entry.msg.replace(/\.$/, '');
    this.notice(`${service} ${verb}: ${said}${because}.${again} See ${path.relative('.', this.fileOf(service))}`);
  }
}
