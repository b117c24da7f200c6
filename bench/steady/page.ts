/** A page: the time from push to delivery over the run, a chart for each traffic. */
import type { Machine } from '../../src/bench/machine.ts';
import { LEVELS, type Slice, type SteadyResult } from './measure.ts';
import { TITLES } from './text.ts';
import { findings, isDisturbed, micros, percent, summaries } from './verdict.ts';

const WIDTH = 960;
const LEFT = 70;
const TOP = 12;
const HEIGHT = 300;
const FOOT = 34;
/** Quantiles that are drawn, from pale to full. */
const SHOWN = ['p50', 'p99', 'p999'] as const;
const OPACITY = { p50: 0.45, p99: 0.75, p999: 1 } as const;
const NAMES = { p50: 'p50', p99: 'p99', p999: 'p99.9' } as const;

const STYLE = `
:root { color-scheme: light dark; --ink: #1b1f24; --dim: #5c6670; --line: #d8dde3; --page: #fff; --l0: #2a6fb0; --l1: #2c8a57; --l2: #c0571c }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e7eb; --dim: #98a2ae; --line: #3a424c; --page: #14181d; --l0: #62a8e8; --l1: #5cc48a; --l2: #ee9458 } }
body { background: var(--page); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; max-width: 1100px; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.4rem } h2 { font-size: 1.05rem; margin-top: 2rem } .dim { color: var(--dim) } .scroll { overflow-x: auto }
svg text { fill: var(--ink); font: 12px system-ui, sans-serif } svg .dim { fill: var(--dim) } svg line { stroke: var(--line) }
.l0 { color: var(--l0) } .l1 { color: var(--l1) } .l2 { color: var(--l2) } svg [class^=l] { stroke: currentColor; stroke-width: 3 }
table { border-collapse: collapse; font-size: 13px } th, td { padding: 2px 9px; text-align: right; border-bottom: 1px solid var(--line); white-space: nowrap }
th:first-child, td:first-child { text-align: left } li.bad { font-weight: 600 }
`;

export function steadyPage(results: readonly SteadyResult[], { cpu, cores, node, platform }: Machine): string {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>rxsteer bench: steady state</title><style>${STYLE}</style></head><body>
<h1>rxsteer: from push to delivery under steady load</h1>
<p class="dim">${escaped(`${cpu}, ${cores} cores, ${platform}, Node ${node}`)}</p>
<p>Each mark is a slice of some seconds; loads take turns. Pale to full: ${SHOWN.map((name) => NAMES[name]).join(', ')}. Dashed: a slice that others on
the machine disturbed. Times count from when a packet was meant to arrive.</p>
${results.map(section).join('\n')}
</body></html>
`;
}

function section(result: SteadyResult): string {
  const { traffic, opens, capacity } = result;
  const title = `${TITLES[traffic]}${opens === null ? '' : ` by ${opens}`}`;
  const legend = LEVELS.map((level, i) => `<span class="l${i}">&#9644; ${percent(level)}</span>`).join(' ');
  const items = findings(result).map(({ good, says }) => `<li${good ? '' : ' class="bad"'}>${escaped(says)}</li>`);
  return `<h2>${escaped(title)}</h2>
<p>Capacity ${(capacity / 1e6).toFixed(2)} million packets a second. Load: ${legend}</p>
${chart(title, result.slices)}
${table(result)}
<ul>${items.join('')}</ul>`;
}

/** Time over the run, microseconds in powers of ten. */
function chart(title: string, slices: readonly Slice[]): string {
  const last = slices[slices.length - 1];
  const end = last.at + last.seconds;
  const values = slices.flatMap(({ latency }) => SHOWN.map((name) => Math.max(1, latency[name])));
  const low = Math.floor(Math.log10(Math.min(...values)));
  const high = Math.max(low + 1, Math.ceil(Math.log10(Math.max(...values))));
  const x = (seconds: number): string => (LEFT + ((WIDTH - LEFT - 8) * seconds) / end).toFixed(1);
  const y = (ns: number): string =>
    (TOP + HEIGHT * (1 - (Math.log10(Math.max(1, ns)) - low) / (high - low))).toFixed(1);
  const parts: string[] = [];
  for (let power = low; power <= high; power++) {
    const at = y(10 ** power);
    parts.push(
      `<line x1="${LEFT}" x2="${WIDTH}" y1="${at}" y2="${at}"/>`,
      label(LEFT - 6, at, timeText(10 ** power), 'end'),
    );
  }
  for (let part = 0; part <= 4; part++) {
    const seconds = (end * part) / 4;
    parts.push(
      label(Number(x(seconds)), String(TOP + HEIGHT + 18), `${Math.round(seconds)} s`, part === 4 ? 'end' : 'middle'),
    );
  }
  for (const slice of slices) {
    const dash = isDisturbed(slice) ? ' stroke-dasharray="3 3"' : '';
    for (const name of SHOWN) {
      const at = y(slice.latency[name]);
      parts.push(
        `<line class="l${LEVELS.indexOf(slice.level)}" x1="${x(slice.at)}" x2="${x(slice.at + slice.seconds)}" y1="${at}" y2="${at}" opacity="${OPACITY[name]}"${dash}>` +
          `<title>${percent(slice.level)}, ${NAMES[name]}: ${micros(slice.latency[name])} us</title></line>`,
      );
    }
  }
  const height = TOP + HEIGHT + FOOT;
  return `<div class="scroll"><svg role="img" aria-label="${escaped(title)}" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}">${parts.join('')}</svg></div>`;
}

function timeText(ns: number): string {
  return ns >= 1e9 ? `${ns / 1e9} s` : ns >= 1e6 ? `${ns / 1e6} ms` : ns >= 1000 ? `${ns / 1000} us` : `${ns} ns`;
}

function label(x: number, y: string, content: string, anchor: string): string {
  return `<text class="dim" x="${x}" y="${Number(y) + 4}" text-anchor="${anchor}">${content}</text>`;
}

function table(result: SteadyResult): string {
  const heads = [
    'load',
    'packets',
    'drops',
    'p50 us',
    'p90',
    'p99',
    'p99.9',
    'max',
    'slices',
    'disturbed',
    'KiB/s',
    "lane's KiB/s",
    'collections',
    "lane's",
  ];
  const body = summaries(result).map(
    ({ level, packets, seconds, drops, latency, slices, disturbed, dispatcher, lane }) => [
      percent(level),
      packets.toLocaleString('en-US'),
      drops.toLocaleString('en-US'),
      ...[latency.p50, latency.p90, latency.p99, latency.p999, latency.max].map(micros),
      String(slices),
      String(disturbed),
      (dispatcher.allocated / seconds / 1024).toFixed(0),
      (lane.allocated / seconds / 1024).toFixed(0),
      `${dispatcher.minor} + ${dispatcher.major}`,
      `${lane.minor} + ${lane.major}`,
    ],
  );
  const rows = body.map((cells) => `<tr>${cells.map((cell) => `<td>${cell}</td>`).join('')}</tr>`);
  return `<div class="scroll"><table><tr>${heads.map((head) => `<th>${head}</th>`).join('')}</tr>${rows.join('')}</table></div>`;
}

function escaped(content: string): string {
  return content.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
