/** What is known of a device that hashes: enough to do the same, with a source for every fact. */
import type { FlowFields, Xfrm } from '../../hash/fields.ts';
import type { HashVariant } from '../../hash/flow-hasher.ts';
import type { Hfunc } from '../../hash/hfunc.ts';

/**
 * How sure a fact is. `verified`: read in the code that does it, or in the device's registers as a driver sets them.
 * `documented`: said by a specification, a commit, a manual or who makes it. `memory`: believed, and not confirmed.
 */
export const CONFIDENCES = {
  verified: 'read in the code that does it',
  documented: 'said by a specification, a commit message, a manual or who makes it',
  memory: 'believed, not confirmed: check it on your device before you rely on it',
} as const;
export type Confidence = keyof typeof CONFIDENCES;

/** What facts are about, in the order in which they are told. */
export const TOPICS = [
  'key',
  'table',
  'tcp',
  'udp',
  'sctp',
  'esp',
  'ah',
  'natt',
  'fragments',
  'tunnels',
  'symmetry',
  'ethtool',
] as const;
export type Topic = (typeof TOPICS)[number];

export interface Fact {
  readonly says: string;
  /** File or commit of Linux unless it says otherwise. */
  readonly source: string;
  readonly confidence: Confidence;
}

/** Letters that may be set at a flow type: any of a text, or exactly one of several sets. */
export type Settable = string | readonly string[];

export interface NicProfile {
  /** As `nic` and `--nic` take it. */
  readonly name: string;
  /** What it is, in a few words. */
  readonly title: string;
  readonly variant: HashVariant;
  /** Bytes that a key may have, the usual number first. */
  readonly keyLengths: readonly number[];
  readonly table: {
    /** Entries that a table may have, or the most of any number. */
    readonly sizes: readonly number[] | { readonly most: number };
    /** Entries unless said otherwise. */
    readonly size: (queues: number) => number;
    /** The index is the hash scaled to the size, so its high bits; else its low bits (the remainder, of an odd size). */
    readonly scaled?: true;
  };
  /** What can be chosen, the default first. No functions: it has one of its own. */
  readonly hfuncs: readonly Hfunc[];
  readonly xfrms: readonly Xfrm[];
  /** What is hashed by default, of every type. */
  readonly fields: FlowFields;
  /** At flow types without their family: what may be asked for beside the default. A type that is not there cannot be changed. */
  readonly settable: Readonly<Record<string, Settable>> | 'all';
  /** Flow types that have one setting between them. */
  readonly together?: readonly (readonly string[])[];
  /** `TUNNELS_UDP` and so on: what is entered, and the inner packet hashed. */
  readonly tunnels: number;
  /** Where the hash that is shown need not be that of the device. */
  readonly approximate?: readonly Approximation[];
  readonly facts: Readonly<Record<Topic, Fact>>;
}

export interface Approximation {
  /** Classes without their family; absent: all. */
  readonly classes?: readonly string[];
  readonly says: string;
}

/** A fact, in short. */
export function fact(confidence: Confidence, says: string, source: string): Fact {
  return { says, source, confidence };
}

/** Why the hash of a class (`esp4`) may not be bit for bit that of the device; undefined when it should be. */
export function approximationOf(profile: NicProfile, cls: string): string | undefined {
  const base = cls.replace(/[46]$/, '');
  return profile.approximate?.find(({ classes }) => classes === undefined || classes.includes(base))?.says;
}
