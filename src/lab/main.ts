/** The lab's page: what is turned is asked of the worker at once, and drawn. */
import type { AnalyzeReport } from '../analyze/report.ts';
import { el } from '../report/page/markup.ts';
import { scenarioTable, verdictList } from '../report/page/page.ts';
import { describeHash, scenarioFigures } from '../report/page/scenario-view.ts';
import { grouped } from '../report/terminal.ts';
import type { FromWorker, ToWorker } from './messages.ts';
import { readSettings, SETTINGS, type Settings, settingsText } from './settings.ts';

const worker = new Worker(new URL('./worker.js', import.meta.url), { type: 'module' });
const form = element('knobs', HTMLFormElement);
const status = element('status', HTMLElement);
const result = element('result', HTMLElement);
/** One question at a time: while an answer is awaited, only the last setting counts. */
let asked = false;
let again = false;

function element<T extends HTMLElement>(id: string, type: new () => T): T {
  const found = document.getElementById(id);
  if (!(found instanceof type)) throw new Error(`the page has no ${id}`);
  return found;
}

function send(message: ToWorker, transfer: Transferable[] = []): void {
  worker.postMessage(message, transfer);
}

function settings(): Settings {
  const data = new FormData(form);
  return Object.fromEntries(SETTINGS.map((name) => [name, String(data.get(name) ?? '')]));
}

function ask(): void {
  if (asked) {
    again = true;
    return;
  }
  asked = true;
  const now = settings();
  history.replaceState(null, '', `#${settingsText(now)}`);
  send({ kind: 'steer', settings: now });
}

async function load(name: string, source: Blob | Response): Promise<void> {
  status.textContent = `Reading ${name} ..`;
  const bytes = await source.arrayBuffer();
  send({ kind: 'load', name, bytes }, [bytes]);
}

function draw(report: AnalyzeReport, milliseconds: number): void {
  const [mine] = report.scenarios;
  const { packets, idleQueues } = mine.measures;
  status.textContent = `${grouped(report.input.packets)} packets of ${report.input.files[0]} in ${milliseconds.toFixed(0)} ms: busiest queue ${packets.maxOverMean.toFixed(2)} times its fair share (least possible ${packets.bound.toFixed(2)}), ${idleQueues} idle.`;
  result.innerHTML = [
    report.damage === undefined ? '' : el('p', { class: 'warn' }, `Damaged: ${report.damage.message}`).text,
    el('p', { class: 'soft' }, describeHash(mine)).text,
    el('div', { class: 'charts' }, ...scenarioFigures(mine, report.input.packets)).text,
    el('h2', {}, 'Verdict').text,
    verdictList(report.verdict).text,
    el('h2', {}, 'Beside it').text,
    el('div', { class: 'wide' }, scenarioTable(report.scenarios, false)).text,
  ].join('');
  // For whoever reads the page by a program.
  result.dataset.numbers = JSON.stringify(
    mine.queues.map((queue) => [queue.packets, queue.bytes, queue.flows, queue.sas]),
  );
  result.dataset.measures = JSON.stringify(mine.measures);
}

worker.onmessage = ({ data }: MessageEvent<FromWorker>) => {
  if (data.kind === 'loaded') {
    ask();
    return;
  }
  if (data.kind === 'error') {
    status.textContent = data.message;
    status.className = 'warn';
    if (data.of === 'load') return;
  } else {
    status.className = '';
    draw(data.report, data.milliseconds);
  }
  asked = false;
  if (again) {
    again = false;
    ask();
  }
};

for (const [name, value] of Object.entries(readSettings(location.hash))) {
  const field = form.elements.namedItem(name);
  if (field instanceof HTMLInputElement || field instanceof HTMLSelectElement) field.value = value;
}
form.addEventListener('submit', (event) => event.preventDefault());
const chooser = element('file', HTMLInputElement);
form.addEventListener('input', ({ target }) => {
  if (target !== chooser) ask();
});
const loadChosen = (): void => {
  const [file] = chooser.files ?? [];
  if (file !== undefined) void load(file.name, file);
};
chooser.addEventListener('change', loadChosen);
// Chosen while the modules were still on their way.
loadChosen();
document.addEventListener('dragover', (event) => event.preventDefault());
document.addEventListener('drop', (event) => {
  event.preventDefault();
  const [file] = event.dataTransfer?.files ?? [];
  if (file !== undefined) void load(file.name, file);
});
const given = document.body.dataset.capture;
if (given !== undefined && chooser.files?.length === 0) {
  fetch('capture').then(
    (response) => load(given, response),
    () => {
      status.textContent = `${given} could not be read`;
    },
  );
}
