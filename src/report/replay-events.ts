import { formatSpi } from '../esp/index.ts';
import { EVENTS } from '../events.ts';
import type { SaEvent } from '../lane/sa-events.ts';
import type { ReceiverEvents } from '../receiver/events.ts';
import type { Receiver } from '../receiver/receiver.ts';

/** Events that a report lists; the others are counted only. */
const MOST = 1000;

/** An event of the report: SPIs are texts, as everywhere in it. */
export type ReplayEvent = Readonly<Record<string, unknown>> & Pick<SaEvent, 'kind' | 'time'>;

export interface ReplayEventsReport {
  /** How many there were of each kind. */
  readonly counts: Readonly<Partial<Record<SaEvent['kind'], number>>>;
  /** At most the first 1,000, by their time. */
  readonly list: readonly ReplayEvent[];
}

/** Keeps what a receiver tells of SAs. */
export class ReplayEvents {
  private readonly events: SaEvent[] = [];
  private readonly counts: Partial<Record<SaEvent['kind'], number>> = {};

  constructor(rx: Receiver) {
    for (const [name, channel] of Object.entries(EVENTS)) {
      if (channel?.startsWith('rxsteer:sa:'))
        rx.on(name as keyof ReceiverEvents, (event) => this.add(event as SaEvent));
    }
  }

  /** In an order that does not depend on which lane was faster. */
  report(): ReplayEventsReport {
    const list = this.events
      .map((event) => ({ event, text: JSON.stringify(shown(event)) }))
      .sort((a, b) => a.event.time - b.event.time || (a.text < b.text ? -1 : 1))
      .map(({ event }) => shown(event));
    const counts = Object.fromEntries(Object.entries(this.counts).sort(([a], [b]) => (a < b ? -1 : 1)));
    return { counts, list };
  }

  private add(event: SaEvent): void {
    this.counts[event.kind] = (this.counts[event.kind] ?? 0) + 1;
    if (this.events.length < MOST) this.events.push(event);
  }
}

function shown(event: SaEvent): ReplayEvent {
  if (event.kind === 'unknown-spi') return { ...event, spi: formatSpi(event.spi) };
  return { ...event, sa: { ...event.sa, spi: formatSpi(event.sa.spi) } };
}

/** An event in a line of a table: when it was, of what, and what there is to say. */
export function eventRow(event: ReplayEvent): string[] {
  const { kind, time, sa, spi, dst, src, lane, ...about } = event as Readonly<Record<string, unknown>> & {
    readonly kind: string;
    readonly time: number;
    readonly sa?: { readonly spi: string; readonly dst: string };
  };
  const of = sa ?? { spi: spi as string, dst: dst as string };
  const what = Object.entries(about).flatMap(([name, value]) => (value === 0 ? [] : [`${name} ${textOf(value)}`]));
  return [new Date(time).toISOString(), kind, of.spi, of.dst, what.join(', ')];
}

function textOf(value: unknown): string {
  if (typeof value !== 'object' || value === null) return String(value);
  const { address, port } = value as { readonly address: string; readonly port?: number };
  return port === undefined ? address : `${address} ${port}`;
}
