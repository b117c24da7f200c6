import { byteText } from '../report/terminal.ts';

/** How often the line is drawn, in milliseconds. */
const INTERVAL = 200;

/** A line that tells how far a file is read, rewritten in place; nothing where there is no terminal. */
export function progressLine(stream: NodeJS.WriteStream): { update(read: number, total: number): void; end(): void } {
  if (!stream.isTTY) return { update: () => {}, end: () => {} };
  const started = performance.now();
  let drawn = started;
  let shown = false;
  return {
    update(read, total) {
      const now = performance.now();
      if (now - drawn < INTERVAL) return;
      drawn = now;
      shown = true;
      const rate = read / ((now - started) / 1000);
      const left = rate > 0 ? Math.max(0, (total - read) / rate) : 0;
      stream.write(
        `\r${byteText(read)} of ${byteText(total)}, ${byteText(rate)}/s, ${left.toFixed(0)} s left \u001b[K`,
      );
    },
    end() {
      if (shown) stream.write('\r\u001b[K');
    },
  };
}
