/** rxsteer: receive-side flow steering. The receiver and what its users touch; building blocks are in the subpaths. */

export { ABSORBED, type Absorbed, CLASSES, type ClassName, DROP_REASONS, DROPS, type DropReason } from './counters.ts';
export { ERRORS, type ErrorCode, RxSteerError } from './errors.ts';
export {
  type LimitUnit,
  type PolicyConfig,
  parseSaFile,
  Sa,
  type SaConfig,
  type SaKey,
  type SaLimit,
  type SaLimits,
  type SaSnapshot,
  type SaSnapshotCounters,
  type SaSnapshotEntry,
  type SaStage,
  type SelectorConfig,
} from './esp/index.ts';
export { EVENTS, type EventName } from './events.ts';
export { microsoftKey, parseKey, randomKey, seededKey, symmetricKey } from './hash/index.ts';
export type { BlockPool } from './io/blocks.ts';
export { type CaptureBatchesOptions, captureBatches } from './io/capture-file.ts';
export type { Batch } from './lane/batch.ts';
export type { Consumer, ConsumerContext, ConsumerFactory } from './lane/consumer.ts';
export type {
  BadInnerEvent,
  FailuresEvent,
  LimitEvent,
  PeerMovedEvent,
  PeerPlace,
  SaEvent,
  SaEventBase,
  SaOfEvent,
  SequenceLimitEvent,
  UnknownSpiEvent,
} from './lane/sa-events.ts';
export { type SealSegmentsOptions, sealSegments } from './lane/seal-segments.ts';
export type { ReceiverEvents } from './receiver/events.ts';
export type {
  EspEventOptions,
  EspOptions,
  FragmentOptions,
  GroOptions,
  ReceiverOptions,
  RestoreOptions,
  RfsOptions,
  RssOptions,
} from './receiver/options.ts';
export { createReceiver, type PushOptions, type Receiver } from './receiver/receiver.ts';
export type { FormerSas, SaStats } from './receiver/sa-stats.ts';
export type { ReceiverSas, RemoveOptions, SnapshotOptions } from './receiver/sas.ts';
export type { Counts, LaneStats, ReceiverStats, RfsStats, UnknownSpiStats } from './receiver/stats.ts';
export type { SteeringChange } from './receiver/swaps.ts';
export type { Windows } from './receiver/windows.ts';
export { parseEthtool } from './steer/ethtool.ts';
export type { IndirectionOption } from './steer/indirection.ts';
export type { RssContextOptions, SteererOptions } from './steer/options.ts';
export { Tuple } from './wire/tuple.ts';
