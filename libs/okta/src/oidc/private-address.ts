/**
 * Refuses private addresses, so that the owner of a DNS name cannot direct our requests into our own network (SSRF).
 */
import { lookup, type LookupAddress } from 'node:dns';
import { BlockList, isIPv4, type LookupFunction } from 'node:net';

/** Private ranges from the IANA special-purpose registries (RFC 6890 and its updates). */
const PRIVATE = new BlockList();
for (const [net, prefix] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
] as const)
  PRIVATE.addSubnet(net, prefix, 'ipv4');

/**
 * In IPv6 only global unicast addresses are public, except ranges that embed IPv4 (6to4, Teredo) or serve
 * documentation.
 */
const GLOBAL_UNICAST = new BlockList();
GLOBAL_UNICAST.addSubnet('2000::', 3, 'ipv6');
for (const [net, prefix] of [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
] as const)
  PRIVATE.addSubnet(net, prefix, 'ipv6');

export const isPublicAddress = (address: string): boolean =>
  isIPv4(address)
    ? !PRIVATE.check(address, 'ipv4')
    : GLOBAL_UNICAST.check(address, 'ipv6') && !PRIVATE.check(address, 'ipv6');

export class PrivateAddressError extends Error {
  constructor(hostname: string) {
    super(`${hostname} resolves to a private address`);
    this.name = 'PrivateAddressError';
  }
}

type Resolve = (hostname: string, done: (error: Error | null, addresses: LookupAddress[]) => void) => void;
const systemResolver: Resolve = (hostname, done) => lookup(hostname, { all: true }, done);

/**
 * Returns a `lookup` function for a socket. It checks the addresses that the socket will use, so an attacker gains
 * nothing if the name resolves differently later. A name with any private address is refused.
 */
export const publicLookup =
  (resolve: Resolve = systemResolver): LookupFunction =>
  (hostname, options, callback) =>
    resolve(hostname, (error, addresses) => {
      const [first] = addresses ?? [];
      if (error || !first) return callback(error ?? new Error(`${hostname} has no address`), '', 4);
      if (!addresses.every(({ address }) => isPublicAddress(address)))
        return callback(new PrivateAddressError(hostname), '', 4);
      if (options.all) return callback(null, addresses);
      return callback(null, first.address, first.family);
    });
