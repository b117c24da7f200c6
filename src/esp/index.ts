/** ESP: security associations, replay windows, opening and sealing of packets, IPComp. */
export type { Kernels } from '../kernels/kernels.ts';
export { AhOpener } from './ah/open.ts';
export { sealAh } from './ah/seal.ts';
export { AHEAD_BYTES, AHEAD_PACKETS, AHEAD_WORDS_BYTES, Ahead } from './ahead.ts';
export {
  type Burst,
  type BurstKey,
  type BurstPackets,
  CRYPTO_NAMES,
  type CryptoBackend,
  type CryptoName,
  type PacketCipher,
  type SealingBackend,
  type SealingCipher,
} from './crypto/backend.ts';
export { nodeBackend } from './crypto/node.ts';
export { Crypto, type CryptoChoice, chooseCrypto } from './crypto/select.ts';
export { type EncapsulateOptions, sealTransport, sealTunnel } from './encapsulate.ts';
export { type SaFormat, saFormat } from './import/format.ts';
export { expandIpComp, IPCOMP_HEADER } from './ipcomp.ts';
export { LifeClock } from './life/clock.ts';
export {
  FAILED_ICV,
  FAILED_REPLAY,
  gateOf,
  type LifeSink,
  type LifeThresholds,
  type LimitUnit,
  RATE_MS,
  SaLife,
} from './life/life.ts';
export {
  type LifeBefore,
  type PeerAddress,
  SaLifeState,
  type SaStage,
  TOLD_HARD,
  TOLD_SOFT,
} from './life/life-state.ts';
export { type PeerSink, PeerWatch } from './life/peers.ts';
export { restoreSa } from './life/restore.ts';
export { copySas, entriesOf, type SaCopy } from './life/sa-copy.ts';
export {
  checkSnapshot,
  entriesFor,
  type Restored,
  SA_STATE_SCHEMA,
  type SaSnapshot,
  type SaSnapshotCounters,
  type SaSnapshotEntry,
} from './life/snapshot.ts';
export { EspOpener, OPEN_DUMMY, OPEN_OK, OPEN_ROOM, type OpenOptions, type SaSource } from './open.ts';
export { checkPolicy, Policy, type PolicyAction, type PolicyConfig } from './policy/policy.ts';
export { SaSelectors, SelectorRoom } from './policy/sa-selectors.ts';
export type { PortConfig, SelectorConfig } from './policy/selector.ts';
export { Traffic } from './policy/traffic.ts';
export { ReplayWindow } from './replay-window.ts';
export {
  createSa,
  createSas,
  exportSas,
  formatSpi,
  importSas,
  Sa,
  type SaConfig,
  type SaFacts,
  type SaLimit,
  type SaLimits,
  type SaMode,
  type SaProto,
  type TransformConfig,
  transformName,
  validateSas,
  wipeSa,
} from './sa.ts';
export { parseSaFile, parseSas, SAS_SCHEMA, type SaFile } from './sa-file.ts';
export { type SaKey, saKey, withPlace } from './sa-key.ts';
export { SaRecords } from './sa-records.ts';
export {
  F_BASE,
  F_FLAGS,
  F_GATE,
  F_SELECTORS,
  F_SERIAL,
  FACTS_SHIFT,
  FLAG_TRUST_ICV,
  MODE_SHIFT,
  MODES,
  type SaCounts,
  type SaShape,
  SaState,
} from './sa-state.ts';
export { type Keyed, SaTable } from './sa-table.ts';
export { type SealOptions, seal } from './seal.ts';
export { formatSequence } from './sequence.ts';
export type { AeadName, AuthName, CipherName, Transform } from './transforms/transform.ts';
export { WindowRoom } from './window-room.ts';
