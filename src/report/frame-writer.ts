import { PcapngWriter } from '../capture/writer.ts';
import { openSink } from '../io/sink.ts';

/** Writes frames to a pcapng file. */
export class FrameWriter {
  private readonly sink: ReturnType<typeof openSink>;
  private readonly writer = new PcapngWriter();

  /** @throws RxSteerError ERR_RXSTEER_FILE */
  constructor(path: string) {
    this.sink = openSink(path);
  }

  write(linkType: number, seconds: number, nanos: number, frame: Uint8Array): void {
    this.sink.append(this.writer.start(linkType));
    this.sink.append(this.writer.frame(linkType, seconds, nanos, frame));
  }

  close(): void {
    // An empty file is no capture: one without packets has a section and an interface all the same.
    this.sink.append(this.sink.size === 0 ? this.writer.start(1) : new Uint8Array(0));
    this.sink.close();
  }
}
