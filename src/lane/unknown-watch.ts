import { type LifeClock, RATE_MS } from '../esp/index.ts';
import { addressText } from '../wire/address.ts';
import { EventGate } from './event-gate.ts';
import type { UnknownSpiEvent } from './sa-events.ts';
import type { UnknownSpis } from './unknown-spis.ts';

/** How long nothing more is told of an SPI that was told of. */
const AGAIN_MS = 10 * RATE_MS;

/** Counts packets of unknown SPIs and tells of them, seldom enough for a flood. */
export class UnknownWatch {
  private readonly table: UnknownSpis;
  private readonly clock: LifeClock;
  private readonly lane: number | undefined;
  private readonly tell: (event: UnknownSpiEvent) => void;
  private readonly gate: EventGate;
  /** Of the entries of the table, when each was last told of. */
  private readonly told: number[] = [];

  /** @param lane absent: the dispatcher */
  constructor(
    table: UnknownSpis,
    clock: LifeClock,
    perSecond: number,
    tell: (event: UnknownSpiEvent) => void,
    lane?: number,
  ) {
    this.table = table;
    this.clock = clock;
    this.lane = lane;
    this.tell = tell;
    this.gate = new EventGate(perSecond);
  }

  /** A packet whose IP header is at `l3`. */
  add(bytes: Uint8Array, l3: number, isV6: boolean, spi: number): void {
    const entry = this.table.add(bytes, l3, isV6, spi);
    const { now } = this.clock;
    if (now - (this.told[entry] ?? Number.NEGATIVE_INFINITY) < AGAIN_MS) {
      this.gate.hold();
      return;
    }
    if (!this.gate.passes(now)) return;
    this.told[entry] = now;
    const at = l3 + (isV6 ? 8 : 12);
    const length = isV6 ? 16 : 4;
    this.tell({
      kind: 'unknown-spi',
      spi: spi >>> 0,
      src: addressText(bytes, at, length),
      dst: addressText(bytes, at + length, length),
      packets: this.table.packetsOf(entry),
      suppressed: this.gate.suppressed(),
      ...(this.lane === undefined ? {} : { lane: this.lane }),
      time: this.clock.date,
    });
  }
}
