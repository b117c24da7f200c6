/** The page's style sheet: light and dark by the reader's setting, paper is light. */

const LIGHT = `--bg:#fff;--fg:#1a1f24;--soft:#57606a;--line:#d0d7de;--card:#f6f8fa;--bar:#2f6fb5;--over:#c2410c;--fair:#1a7f37;
--c0:#2f6fb5;--c1:#9a3fa8;--bad:#b42318;--good:#1a7f37;--heat:33,102,172`;
const DARK = `--bg:#0f1419;--fg:#e6edf3;--soft:#9aa6b2;--line:#30363d;--card:#161b22;--bar:#5aa2f0;--over:#f0883e;--fair:#56d364;
--c0:#5aa2f0;--c1:#d58fe0;--bad:#ff9a8f;--good:#56d364;--heat:110,180,255`;

const shades = Array.from(
  { length: 10 },
  (_, i) => `.h${i}{fill:rgba(var(--heat),${i === 0 ? 0.06 : (i + 1) / 10})}`,
).join('');

export const STYLE: string = `:root{color-scheme:light dark;${LIGHT}}
@media (prefers-color-scheme:dark){:root{${DARK}}}
@media print{:root{color-scheme:light;${LIGHT}}}
*{box-sizing:border-box}
body{margin:0 auto;padding:1.5rem;max-width:76rem;background:var(--bg);color:var(--fg);font:15px/1.5 system-ui,sans-serif}
h1{font-size:1.5rem;margin:0}h2{font-size:1.2rem;margin:2rem 0 .6rem}h3{font-size:1rem;margin:1rem 0 .3rem}
p{margin:.3rem 0}.soft{color:var(--soft)}.warn{color:var(--bad);font-weight:600}
.charts{display:flex;flex-wrap:wrap;gap:1rem 2rem}figure{margin:0;flex:1 1 30rem;min-width:0}figcaption{font-weight:600;margin-bottom:.3rem}
svg{display:block;width:100%;height:auto}svg text{fill:var(--soft);font:11px system-ui,sans-serif}
.end{text-anchor:end}.mid,.cell{text-anchor:middle}.grid{stroke:var(--line)}.bar{fill:var(--bar)}.over{fill:var(--over)}
.fair{stroke:var(--fair);stroke-dasharray:5 3;stroke-width:1.5}svg .note{fill:var(--fair);paint-order:stroke;stroke:var(--bg);stroke-width:4px;stroke-linejoin:round}
.curve{fill:none;stroke-width:2;stroke-linejoin:round;stroke-linecap:round}.curve.c0{stroke:var(--c0)}.curve.c1{stroke:var(--c1);stroke-dasharray:7 3}
svg .key.c0{fill:var(--c0)}svg .key.c1{fill:var(--c1)}
${shades}
svg .cell{fill:var(--fg);font-size:9px}svg .cell.dark{fill:var(--bg)}
table{border-collapse:collapse;font-variant-numeric:tabular-nums}th,td{padding:.2rem .6rem;text-align:right;border-bottom:1px solid var(--line);white-space:nowrap}thead th{white-space:normal;vertical-align:bottom}
th:first-child,td:first-child{text-align:left}th button{all:unset;cursor:pointer}th button:focus-visible,summary:focus-visible,select:focus-visible{outline:2px solid var(--bar);outline-offset:2px}
th[aria-sort=ascending] button::after{content:" \\2191"}th[aria-sort=descending] button::after{content:" \\2193"}
.wide{overflow-x:auto}td svg{width:120px}details{margin:.3rem 0}summary{cursor:pointer;color:var(--soft)}
.verdict{list-style:none;padding:0;margin:0}.verdict>li{border:1px solid var(--line);border-left:4px solid var(--good);background:var(--card);padding:.6rem 1rem;margin:.6rem 0;border-radius:4px}
.verdict>li.cause{border-left-color:var(--bad)}.verdict h3{margin:0}pre{margin:.3rem 0;padding:.4rem .6rem;background:var(--bg);border:1px solid var(--line);border-radius:4px;overflow-x:auto;font-size:13px}
.effect{color:var(--good);font-weight:600;white-space:nowrap}code{font-size:13px}
@media print{body{max-width:none;padding:0;font-size:12px}h2,h3{break-after:avoid}.verdict>li,figure,tr{break-inside:avoid}
details:not([open])>*:not(summary){display:none}.wide{overflow:visible}table{font-size:10px}th,td{padding:.1rem .3rem}td svg{width:80px}pre{white-space:pre-wrap;font-size:11px}.soft{overflow-wrap:anywhere}}
`;

/** Sorts a table by the column whose heading is pressed; without it the page only lacks that. */
export const SORT_SCRIPT = `for(const b of document.querySelectorAll('th button'))b.addEventListener('click',()=>{
const th=b.closest('th'),row=th.parentNode,table=row.closest('table'),i=[...row.children].indexOf(th),down=th.getAttribute('aria-sort')!=='descending';
for(const o of row.children)o.removeAttribute('aria-sort');th.setAttribute('aria-sort',down?'descending':'ascending');
const key=tr=>{const v=tr.children[i].dataset.v??tr.children[i].textContent,n=parseFloat(v);return Number.isNaN(n)?v:n};
const body=table.tBodies[0],rows=[...body.rows].map((tr,n)=>[key(tr),n,tr]);
rows.sort((a,b)=>{const d=typeof a[0]==='number'&&typeof b[0]==='number'?a[0]-b[0]:String(a[0]).localeCompare(String(b[0]));return (down?-d:d)||a[1]-b[1]});
for(const r of rows)body.append(r[2])});`;
