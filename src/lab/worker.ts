/** The lab's worker: the capture stays here, and the page's thread stays free. */
import { CaptureSession } from '../analyze/session.ts';
import type { FromWorker, ToWorker } from './messages.ts';
import { scenarioOf } from './settings.ts';

let session: CaptureSession | undefined;

function answer(message: ToWorker): FromWorker {
  const started = performance.now();
  if (message.kind === 'load') {
    session = undefined;
    session = new CaptureSession(new Uint8Array(message.bytes), message.name);
    return { kind: 'loaded', packets: session.packets, milliseconds: performance.now() - started };
  }
  if (session === undefined) return { kind: 'error', message: 'No capture yet.', of: 'steer' };
  const report = session.report([scenarioOf(message.settings)]);
  return { kind: 'report', report, milliseconds: performance.now() - started };
}

self.onmessage = ({ data }: MessageEvent<ToWorker>) => {
  let reply: FromWorker;
  try {
    reply = answer(data);
  } catch (error) {
    reply = { kind: 'error', message: error instanceof Error ? error.message : String(error), of: data.kind };
  }
  self.postMessage(reply);
};
