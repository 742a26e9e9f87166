/**
 * Addresses inside an app's network 10.X.0.0/16, X chosen per app: .0.1 is the app's own side (router, DNS), instances have
 * 10.X.1.1 to 10.X.127.255, names have 10.X.128.0 to 10.X.255.255, which are local to the app's namespace so that one
 * listener answers for all of them. X starts at 64, since 10.0 to 10.63 is what office networks like to use.
 */
const firstSecondByte = 64;
const networkCount = 190;
const firstInstance = 257;
export const instanceCapacity = 0x8000 - firstInstance;
const firstName = 0x8000;
const nameCapacity = 0x7fff;

export interface Subnet {
  /** 0 to 189 */
  readonly index: number;
}

export const subnetCount = networkCount;

export const gatewayAddress = (subnet: Subnet): string => address(subnet, 1);

export const nameRange = (subnet: Subnet): string => `${address(subnet, firstName)}/17`;

export const instanceAddress = (subnet: Subnet, slot: number): string => address(subnet, firstInstance + slot);

/** Throws RangeError when the app has more names than addresses. */
export function nameAddress(subnet: Subnet, index: number): string {
  if (index >= nameCapacity) throw new RangeError(`more than ${nameCapacity} names`);
  return address(subnet, firstName + 1 + index);
}

/** Ranges that `outbound: public` does not reach: loopback, link-local, private, shared, protocol, multicast, reserved (RFC 6890). */
export const notPublic: readonly string[] = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '224.0.0.0/3',
];

function address(subnet: Subnet, offset: number): string {
  return `10.${firstSecondByte + subnet.index}.${offset >> 8}.${offset & 255}`;
}
