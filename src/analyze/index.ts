/**
 * The public subpath `rxsteer/analyze`. What-if: how traffic would spread over queues, by scenario. Nothing of Node's: the same in a
 * browser.
 *
 * @example
 * ```ts
 * import { readFileSync } from 'node:fs';
 * import { CaptureSession } from 'rxsteer/analyze';
 *
 * const session = new CaptureSession(readFileSync('test/captures/esp/linux_mx_tunnel_4_raw.pcap'), 'tunnels');
 * const { scenarios, verdict } = session.report([{ name: 'mine', kind: 'given', steering: { queues: 8, nic: 'ixgbe' } }]);
 * console.log(scenarios[0].measures.packets.maxOverMean, verdict[0].cause); // 8 spi-unhashed
 * ```
 */
export type { DepthReport } from './depth.ts';
export * from './measures.ts';
export { type PlanOptions, planScenarios } from './plan.ts';
export * from './report.ts';
export {
  MODELS,
  modelScenarios,
  nicScenarios,
  type Scenario,
  type ScenarioKind,
  USUAL_QUEUES,
  usualScenarios,
} from './scenario.ts';
export { CaptureSession } from './session.ts';
export type { UnitName } from './unit-key.ts';
