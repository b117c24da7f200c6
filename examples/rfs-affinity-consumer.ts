import { type Consumer, type ConsumerContext, Tuple } from '../src/index.ts';

/** Where the session of a flow lives: SAs 0 to 7 carry flows of one session each, the others of several. */
export function sessionLane(sa: number, flow: number): number {
  return (sa < 8 ? sa : sa + flow) & 3;
}

/** Tells the receiver where each flow is wanted, and counts segments that came to the right lane. */
export default function rfsAffinityConsumer({ lane, post }: ConsumerContext): Consumer {
  const tuple = new Tuple();
  const seen = { home: 0, elsewhere: 0 };
  return {
    onPackets(batch) {
      for (let i = 0; i < batch.length; i++) {
        if (!batch.tuple(i, tuple)) continue;
        const home = sessionLane(Math.floor(tuple.sport / 1000), tuple.sport % 1000);
        batch.claim(i, home);
        if (home === lane) seen.home += batch.segments(i);
        else seen.elsewhere += batch.segments(i);
      }
    },
    close: () => post(seen),
  };
}
