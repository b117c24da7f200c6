/** The histogram as one page that needs nothing else: throughput as bars, and above them the CPU, as the talk drew it. */
import type { Machine } from './machine.ts';
import { type Panel, panels, SETTING } from './panels.ts';
import type { FailedScenario, HistogramRow } from './row.ts';

const BAR = 34;
const STEP = 62;
/** Names of the grid, and room for the first bar's, which leans to the left. */
const LEFT = 88;
/** Heights, from the top: CPU, throughput. */
const CPU = 56;
const GAP = 30;
const RATE = 200;
const TOP = 20;

const STYLE = `
:root { color-scheme: light dark; --ink: #1b1f24; --dim: #66707c; --line: #d8dde3; --page: #ffffff; --rate: #2a6fb0; --cpu: #c06a1c }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e4e7eb; --dim: #98a2ae; --line: #3a424c; --page: #14181d; --rate: #62a8e8; --cpu: #e69a4e }
}
body { background: var(--page); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; max-width: 1180px; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.4rem } h2 { font-size: 1.05rem; margin-top: 2.2rem }
.dim { color: var(--dim) } .scroll { overflow-x: auto }
svg text { fill: var(--ink); font: 12px system-ui, sans-serif } svg .dim { fill: var(--dim) }
svg line { stroke: var(--line) } .rate { fill: var(--rate) } .cpu { fill: var(--cpu) } .spread { stroke: var(--ink) }
table { border-collapse: collapse; font-size: 13px } th, td { padding: 2px 8px; text-align: right; border-bottom: 1px solid var(--line); white-space: nowrap }
th:first-child, td:first-child { text-align: left }
`;

export function histogramPage(rows: readonly (HistogramRow | FailedScenario)[], machine: Machine): string {
  const groups = panels(rows);
  const most = Math.max(1, ...groups.flatMap(({ bars }) => bars.map(({ row }) => row.goodputMax)));
  const { cpu, cores, node, openssl, platform } = machine;
  const failed = rows.flatMap((row) => ('failed' in row ? [`${row.case} was not measured: ${row.failed}`] : []));
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>rxsteer bench: throughput and CPU</title><style>${STYLE}</style></head><body>
<h1>rxsteer: throughput and CPU, in clear and in IPsec</h1>
<p class="dim">${escaped(`${cpu}, ${cores} cores, ${platform}, Node ${node}, OpenSSL ${openssl}`)}</p>
<p>${escaped(SETTING.join(' '))}</p>
<p><span class="dim">Above:</span> the busiest thread, of one processor. <span class="dim">Below:</span> throughput, and the spread of the repeats.</p>
${groups.map((panel) => `<h2>${escaped(panel.title)}</h2>\n${chart(panel, most)}\n${table(panel)}`).join('\n')}
${failed.map((text) => `<p>${escaped(text)}</p>`).join('\n')}
</body></html>
`;
}

/** All charts have one scale, so that they can be held against each other. */
function chart({ title, bars }: Panel, most: number): string {
  const width = LEFT + STEP * bars.length + 8;
  const top = TOP + CPU + GAP;
  const foot = top + RATE;
  const parts = [gridLine(TOP, width, '100 %'), gridLine(TOP + CPU, width, '0 %'), gridLine(foot, width, '0')];
  for (const mark of marks(most)) parts.push(gridLine(foot - (RATE * mark) / most, width, `${mark} Gb/s`));
  bars.forEach(({ label, row }, i) => {
    const x = LEFT + STEP * i + (STEP - BAR) / 2;
    const middle = x + BAR / 2;
    const height = (RATE * row.goodputGbps) / most;
    const up = (value: number): string => (foot - (RATE * value) / most).toFixed(1);
    parts.push(
      `<g><title>${escaped(`${label}: ${row.goodputGbps.toFixed(2)} Gb/s, ${row.cpuMsPerGb.toFixed(1)} ms of CPU per Gb`)}</title>`,
      `<rect class="rate" x="${x}" y="${(foot - height).toFixed(1)}" width="${BAR}" height="${height.toFixed(1)}"/>`,
      `<line class="spread" x1="${middle}" x2="${middle}" y1="${up(row.goodputMin)}" y2="${up(row.goodputMax)}"/>`,
      text(middle, Number(up(row.goodputMax)) - 5, row.goodputGbps.toFixed(1), 'middle'),
    );
    if (row.peakCpu !== null) {
      const used = CPU * row.peakCpu;
      const y = TOP + CPU - used;
      parts.push(`<rect class="cpu" x="${x}" y="${y.toFixed(1)}" width="${BAR}" height="${used.toFixed(1)}"/>`);
      parts.push(text(middle, TOP - 5, `${Math.round(100 * row.peakCpu)} %`, 'middle'));
    }
    parts.push(
      `<text x="${middle}" y="${foot + 14}" text-anchor="end" transform="rotate(-40 ${middle} ${foot + 14})">${escaped(label)}</text></g>`,
    );
  });
  // Labels lean by 40 degrees, a character of 12 pixels is about 6.5 wide.
  const height = foot + 24 + Math.ceil(4.3 * Math.max(...bars.map(({ label }) => label.length)));
  return `<div class="scroll"><svg role="img" aria-label="${escaped(title)}" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">${parts.join('')}</svg></div>`;
}

function gridLine(y: number, width: number, label: string): string {
  const at = y.toFixed(1);
  return `<line x1="${LEFT}" x2="${width}" y1="${at}" y2="${at}"/><text class="dim" x="${LEFT - 6}" y="${(y + 4).toFixed(1)}" text-anchor="end">${label}</text>`;
}

function text(x: number, y: number, content: string, anchor: string): string {
  return `<text x="${x}" y="${y.toFixed(1)}" text-anchor="${anchor}">${escaped(content)}</text>`;
}

/** Three to five round numbers up to `most`. */
function marks(most: number): number[] {
  const ten = 10 ** Math.floor(Math.log10(most));
  const step = [0.2, 0.5, 1, 2].map((factor) => factor * ten).find((size) => most / size <= 5) ?? ten;
  return Array.from({ length: Math.floor(most / step) }, (_, i) => Number(((i + 1) * step).toPrecision(3)));
}

function table({ bars }: Panel): string {
  const heads = ['', 'Gb/s', 'min', 'max', 'Mp/s', 'CPUs', 'peak', 'ms/Gb', 'busiest lane'];
  const withStages = bars.some(({ row }) => row.stages !== undefined);
  if (withStages) heads.push('read ns', 'dispatch ns', 'lane ns', 'open ns', 'GRO ns');
  const percent = (part: number | null): string => (part === null ? '' : `${Math.round(100 * part)} %`);
  const body = bars.map(({ label, row }) => {
    const { stages } = row;
    const cells = [
      label,
      row.goodputGbps.toFixed(2),
      row.goodputMin.toFixed(2),
      row.goodputMax.toFixed(2),
      row.mpps?.toFixed(2) ?? '',
      row.cpu.toFixed(2),
      percent(row.peakCpu),
      row.cpuMsPerGb.toFixed(1),
      percent(row.busiestLane),
    ];
    if (stages !== undefined) {
      for (const ns of [stages.read, stages.dispatch, stages.lane, stages.open, stages.gro]) cells.push(ns.toFixed(0));
    }
    return `<tr>${cells.map((cell) => `<td>${escaped(cell)}</td>`).join('')}</tr>`;
  });
  return `<div class="scroll"><table><tr>${heads.map((head) => `<th>${head}</th>`).join('')}</tr>${body.join('')}</table></div>`;
}

function escaped(content: string): string {
  return content.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
