/** What a steerer is told: the words of `ethtool -X`, `ethtool -N rx-flow-hash` and `ethtool -N`. */
import type { FlowFields, Xfrm } from '../hash/fields.ts';
import type { Hfunc } from '../hash/hfunc.ts';
import type { IndirectionOption } from './indirection.ts';

/** Hash and table: what an RSS context has of its own. */
export interface RssContextOptions {
  /** 16 to 64 bytes, most significant first; with a `nic` as many as it has. */
  key?: Uint8Array;
  xfrm?: Xfrm;
  /** Default `toeplitz`; the others use no key. */
  hfunc?: Hfunc;
  /** Entries of the table, 1 to 2048. Default 128 or the `nic`'s, or the length of an `indirection` that is an array. */
  tableSize?: number;
  /** Default: equal over all queues. */
  indirection?: IndirectionOption;
  /** Letters at flow types, for example `{ esp4: 'sd' }`. */
  fields?: FlowFields;
}

export interface SteererOptions extends RssContextOptions {
  /** Queues, 1 to 2048. */
  queues: number;
  /**
   * Hashes as this device does: its defaults, where nothing else is said, and its limits. docs/nic-profiles.md has the names,
   * what each one does, and how sure that is.
   */
  nic?: string;
  /** Default: Microsoft's key, which everyone knows, as long as the `nic`'s; facing strangers, take `randomKey()`. */
  key?: Uint8Array;
  /**
   * Rules as `ethtool -N` takes them: `flow-type esp4 spi 0x1001 action 2`. The one at the lowest `loc` that matches decides;
   * without `loc` they get the highest that are free, so the last of them goes first, as with ethtool.
   */
  rules?: readonly string[];
  /**
   * Whose fields are hashed, as DPDK's RSS level: those of the outermost packet (default, or what the `nic` does), or of the
   * innermost one in clear tunnels, MPLS and PPPoE (`innermost`), so that the flows of one tunnel spread. The class stays the
   * outer packet's. Fragments inside a tunnel are not reassembled: they go by their addresses, apart from the whole packets of
   * their flow.
   */
  level?: 'outer' | 'inner';
  /** RSS contexts for rules with `context N`, from 1 on. What one does not say is as above, the table is equal. */
  contexts?: Readonly<Record<number, RssContextOptions>>;
}
