/** TCP inside ESP tunnels, and captures of it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PcapngWriter } from '../src/capture/index.ts';
import { createSas, type Sa, type SaConfig, sealTunnel } from '../src/esp/index.ts';
import { openSink } from '../src/io/sink.ts';
import { MSS_ESP, segments, wrapped } from './segments.ts';

const hex = (bytes: number): string => Array.from({ length: bytes }, (_, i) => (i + 16).toString(16)).join('');

export const GCM_256: SaConfig['transform'] = { aead: 'aes-gcm', key: hex(36) };
export const NULL_NONE: SaConfig['transform'] = { cipher: 'null', auth: 'none' };

export interface EspCaptureOptions {
  readonly transform: SaConfig['transform'];
  readonly count: number;
  readonly flows: number;
  readonly train: number;
  /** SAs, on queues 0, 1, 2, ... in turn; flow f is in SA f mod `sas`. */
  readonly sas: number;
  readonly queues?: number;
  /** Bytes of TCP payload in each. Default {@link MSS_ESP}. */
  readonly payload?: number;
}

/** Segments in tunnel mode, full-size ones unless told otherwise, and the SAs that open them. */
export function espCapture(options: EspCaptureOptions): { frames: Uint8Array[]; sas: Sa[] } {
  const { transform, count, flows, train, queues = 1, payload = MSS_ESP } = options;
  const sas = createSas(
    Array.from({ length: options.sas }, (_, i) => ({
      spi: 0x1001 + i,
      src: '203.0.113.1',
      dst: '198.51.100.1',
      mode: 'tunnel',
      transform,
      queue: i % queues,
    })),
  );
  const sent = new Array<number>(sas.length).fill(0);
  const frames = segments({ count, flows, train, payload }).map((frame, i) => {
    const which = (Math.floor(i / train) % flows) % sas.length;
    return wrapped(frame, (packet) => sealTunnel(sas[which], ++sent[which], packet));
  });
  return { frames, sas };
}

/** A pcapng file in the system's folder for temporary files; `remove` takes it away. */
export function writeCapture(frames: readonly Uint8Array[]): { path: string; remove(): void } {
  const folder = mkdtempSync(join(tmpdir(), 'rxsteer-bench-'));
  const path = join(folder, 'capture.pcapng');
  const sink = openSink(path);
  const writer = new PcapngWriter();
  sink.append(writer.start(1));
  frames.forEach((frame, i) => {
    sink.append(writer.frame(1, 1_700_000_000 + Math.floor(i / 1e6), (i % 1e6) * 1000, frame));
  });
  sink.close();
  return { path, remove: () => rmSync(folder, { recursive: true, force: true }) };
}
