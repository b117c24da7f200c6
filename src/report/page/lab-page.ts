/** The lab's page without its numbers: knobs, and places for what the worker says. */

import { XFRMS } from '../../hash/fields.ts';
import { HFUNCS } from '../../hash/hfunc.ts';
import { NIC_PROFILES } from '../../steer/nic/index.ts';
import { el, Markup } from './markup.ts';
import { STYLE } from './style.ts';

const LAB_STYLE = `form{display:flex;flex-wrap:wrap;gap:.6rem 1rem;margin:1rem 0;padding:.8rem 1rem;border:1px solid var(--line);border-radius:4px;background:var(--card)}
label{display:flex;flex-direction:column;font-size:12px;color:var(--soft)}input,select{font:inherit;padding:.2rem .4rem;background:var(--bg);color:var(--fg);border:1px solid var(--line);border-radius:3px;min-width:6rem}
input:focus-visible{outline:2px solid var(--bar)}#status{font-weight:600;min-height:1.5em}`;

/** @param capture name of a capture that the server has, to begin with */
export function labPage(capture?: string): string {
  const page = el(
    'html',
    { lang: 'en' },
    el(
      'head',
      {},
      el('meta', { charset: 'utf-8' }),
      el('meta', { name: 'viewport', content: 'width=device-width, initial-scale=1' }),
      // Only what the page came with, and never anything sent away.
      el('meta', {
        'http-equiv': 'Content-Security-Policy',
        content:
          "default-src 'none'; script-src 'self'; worker-src 'self'; connect-src 'self'; style-src 'unsafe-inline'; img-src data:",
      }),
      el('link', { rel: 'icon', href: 'data:,' }),
      el('title', {}, 'rxsteer lab'),
      el('style', {}, new Markup(STYLE + LAB_STYLE)),
    ),
    el(
      'body',
      { 'data-capture': capture?.split('/').at(-1) },
      el('h1', {}, 'rxsteer lab'),
      el('p', { class: 'soft' }, 'Drop a capture anywhere, or choose one. It never leaves this page.'),
      knobs(),
      el(
        'p',
        { id: 'status', role: 'status' },
        capture === undefined ? 'No capture yet.' : `Reading ${capture.split('/').at(-1)} ..`,
      ),
      el('main', { id: 'result' }),
      el('script', { type: 'module', src: 'src/lab/main.js' }),
    ),
  );
  return `<!doctype html>\n${page.text}\n`;
}

function knobs(): Markup {
  const letters = ['', 'sd', 'sdfn', 'fn', 'r'];
  return el(
    'form',
    { id: 'knobs' },
    el('label', {}, 'Capture (pcap, pcapng)', el('input', { id: 'file', type: 'file' })),
    el('label', {}, 'Queues', el('input', { name: 'queues', type: 'number', min: 1, max: 256, value: 4 })),
    choice('nic', 'NIC', ['', ...NIC_PROFILES.map(({ name }) => name)]),
    el(
      'label',
      {},
      'Key (name, random:SEED or hex)',
      el('input', {
        name: 'hkey',
        placeholder: 'microsoft',
        list: 'keys',
        size: 24,
        spellcheck: 'false',
        autocomplete: 'off',
      }),
      el(
        'datalist',
        { id: 'keys' },
        ['microsoft', 'symmetric', 'random:1', 'random:2'].map((value) => el('option', { value })),
      ),
    ),
    choice('esp', 'ESP hashes', letters),
    choice('natt', 'ESP in UDP', ['', 'udp', 'sd', 'sdfn', 'fn']),
    choice('tcp', 'TCP', ['', 'sd', 'sdfn']),
    choice('udp', 'UDP', ['', 'sd', 'sdfn']),
    el(
      'label',
      {},
      'Table entries',
      el('input', { name: 'table-size', type: 'number', min: 1, max: 2048, placeholder: '128' }),
    ),
    el(
      'label',
      {},
      'Table fill',
      el('input', { name: 'indir', placeholder: 'equal:N or weight:W,W', size: 16, autocomplete: 'off' }),
    ),
    choice('hfunc', 'Hash function', ['', ...HFUNCS]),
    choice('xfrm', 'Transformation', ['', ...XFRMS]),
    choice('level', 'Hashed packet', ['', 'outer', 'inner']),
  );
}

function choice(name: string, title: string, values: readonly string[]): Markup {
  const options = values.map((value) => el('option', { value }, value === '' ? 'default' : value));
  return el('label', {}, title, el('select', { name }, options));
}
