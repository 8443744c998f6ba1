/** The real Postgres behind a proxy that can hang: it then accepts connections and never answers, without closing any. */
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

export class HangingPostgres {
  private readonly server = createServer({ pauseOnConnect: true }, (inbound) => this.accept(inbound));
  private readonly sockets = new Set<Socket>();
  private readonly held = new Set<Socket>();
  private readonly abandoned = new Set<Socket>();
  private hanging = false;
  private target: URL | undefined;

  /** Returns the URL to use instead of `url`. All URLs must lead to the same server. */
  async start(url: string): Promise<string> {
    this.target = new URL(url);
    if (!this.server.listening) await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    const proxied = new URL(url);
    proxied.hostname = '127.0.0.1';
    proxied.port = String((this.server.address() as AddressInfo).port);
    return proxied.href;
  }

  /** From now on nothing passes, in no direction. */
  hang(): void {
    this.hanging = true;
    for (const socket of this.sockets) socket.pause();
  }

  /** Bytes that were sent meanwhile arrive now, as after SIGCONT. */
  recover(): void {
    this.hanging = false;
    for (const socket of this.sockets) socket.resume();
    for (const inbound of this.held) this.forward(inbound);
    this.held.clear();
  }

  /** Connections of now stay dead for ever, and new ones work, as after a failover. */
  abandonConnections(): void {
    for (const socket of this.sockets) this.abandoned.add(socket.pause());
    this.sockets.clear();
  }

  async stop(): Promise<void> {
    for (const socket of [...this.sockets, ...this.held, ...this.abandoned]) socket.destroy();
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
  }

  private accept(inbound: Socket): void {
    inbound.on('error', () => inbound.destroy());
    if (this.hanging) this.held.add(inbound);
    else this.forward(inbound);
  }

  private forward(inbound: Socket): void {
    if (inbound.destroyed || !this.target) return;
    const outbound = connect(Number(this.target.port || 5432), this.target.hostname);
    for (const [from, to] of [
      [inbound, outbound],
      [outbound, inbound],
    ] as const) {
      this.sockets.add(from);
      from.on('data', (bytes) => to.write(bytes));
      from.on('error', () => to.destroy());
      from.on('close', () => {
        this.sockets.delete(from);
        to.destroySoon();
      });
    }
    inbound.resume();
  }
}
