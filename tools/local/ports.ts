import { createServer, type AddressInfo } from 'node:net';

/** Returns `wanted` if nothing listens on it, or else a port that the system picks. */
export async function freePort(wanted?: number): Promise<number> {
  // "localhost" may mean either loopback address.
  if (wanted !== undefined && (await tryPort(wanted, '127.0.0.1')) && (await tryPort(wanted, '::1'))) return wanted;
  const port = await tryPort(0, '127.0.0.1');
  if (port === undefined) throw new Error('no free TCP port');
  return port;
}

/** Listens for a moment. Returns undefined if the port is taken. Without IPv6, every port of ::1 counts as free. */
function tryPort(port: number, host: string): Promise<number | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', ({ code = '' }: NodeJS.ErrnoException) =>
      resolve(['EADDRINUSE', 'EACCES'].includes(code) ? undefined : port),
    );
    server.listen({ port, host, exclusive: true }, () => {
      const { port: bound } = server.address() as AddressInfo;
      server.close(() => resolve(bound));
    });
  });
}
