/** What a scenario replays: streams that are made for it, or a capture that is there. */
import { optionError, RxSteerError } from '../errors.ts';
import { createSas, parseSaFile, type Sa } from '../esp/index.ts';
import { microsoftKey } from '../hash/keys.ts';
import { readTextFile } from '../io/text-file.ts';
import { runReplay } from '../report/replay.ts';
import type { CaptureFiles, Scenario } from './scenario.ts';
import { makeTraffic, type Traffic, trafficSas } from './traffic.ts';

/** @throws what `readCapture` does */
export function trafficOf(scenario: Scenario, bytes: number): Promise<Traffic> | Traffic {
  return scenario.capture === undefined ? makeTraffic(scenario, bytes) : readCapture(scenario.capture);
}

/** The SAs that open it. */
export function sasOf(scenario: Scenario): Sa[] {
  return scenario.capture === undefined ? trafficSas(scenario) : readSas(scenario.capture);
}

/**
 * Replays a capture once for what comes out of it: streams of TCP without what was sent again, and payloads of UDP.
 *
 * @throws RxSteerError: it or its SAs cannot be read, it breaks off, or nothing that carries payload comes out of it
 */
export async function readCapture(capture: CaptureFiles): Promise<Traffic> {
  const sas = readSas(capture);
  const { report } = await runReplay({
    files: [capture.path],
    sas,
    queues: 1,
    inline: true,
    rss: { key: microsoftKey() },
    digest: 'none',
  });
  if (report.damage !== undefined) throw new RxSteerError('ERR_RXSTEER_CAPTURE_DAMAGED', report.damage.message);
  const payload = report.flows.reduce((sum, flow) => sum + flow.payloadBytes, 0);
  if (payload === 0) throw optionError('capture', 'one out of which payload of TCP or UDP comes', capture.path);
  const { packets, bytes } = report.input;
  return { path: capture.path, streams: report.flows.length, packets, bytes, payload, sas, remove() {} };
}

function readSas({ sas }: CaptureFiles): Sa[] {
  return createSas(sas.flatMap((file) => parseSaFile(readTextFile(file), file)));
}
