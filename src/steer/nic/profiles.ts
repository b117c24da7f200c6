/** All profiles, by name. */
import { optionError } from '../../errors.ts';
import { KEY_LENGTH } from '../../hash/keys.ts';
import { ENA } from './ena.ts';
import { I40E } from './i40e.ts';
import { ICE } from './ice.ts';
import { IGB } from './igb.ts';
import { IXGBE } from './ixgbe.ts';
import { LINUX_RPS } from './linux-rps.ts';
import { MLX5 } from './mlx5.ts';
import { OCTEONTX2 } from './octeontx2.ts';
import type { NicProfile } from './profile.ts';
import { RXSTEER } from './rxsteer.ts';
import { VIRTIO_NET } from './virtio-net.ts';
import { VMXNET3 } from './vmxnet3.ts';

export const NIC_PROFILES: readonly NicProfile[] = [
  MLX5,
  ICE,
  I40E,
  IXGBE,
  IGB,
  ENA,
  VIRTIO_NET,
  OCTEONTX2,
  VMXNET3,
  LINUX_RPS,
  RXSTEER,
];

/** @throws RxSteerError `ERR_RXSTEER_OPTION`: no profile has that name */
export function nicProfile(name: string): NicProfile {
  const profile = NIC_PROFILES.find((candidate) => candidate.name === name);
  if (profile === undefined) throw optionError('nic', NIC_PROFILES.map((candidate) => candidate.name).join(', '), name);
  return profile;
}

/** Bytes of a key that somebody makes for the device, or for none. Throws as {@link nicProfile} does. */
export function nicKeyLength(name: string | undefined): number {
  return name === undefined ? KEY_LENGTH : nicProfile(name).keyLengths[0];
}
