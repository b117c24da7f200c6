/** HTML and SVG as text, escaped by default. */

/** Markup that is safe to stand as it is. */
export class Markup {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

export type Child = Markup | string | number | readonly Child[];

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

export function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (char) => ESCAPES[char]);
}

function textOf(child: Child): string {
  if (child instanceof Markup) return child.text;
  if (Array.isArray(child)) return child.map(textOf).join('');
  return escaped(String(child));
}

const VOID: ReadonlySet<string> = new Set(['meta', 'link', 'line', 'rect', 'path', 'circle', 'input', 'br']);

/** An element: `el('a', { href: '#x' }, 'text')`. Attributes that are undefined or false are left out, `true` has no value. */
export function el(
  name: string,
  attributes: Readonly<Record<string, string | number | boolean | undefined>> = {},
  ...children: readonly Child[]
): Markup {
  let text = `<${name}`;
  for (const [key, value] of Object.entries(attributes)) {
    if (value === undefined || value === false) continue;
    text += value === true ? ` ${key}` : ` ${key}="${escaped(typeof value === 'number' ? short(value) : value)}"`;
  }
  return new Markup(VOID.has(name) && children.length === 0 ? `${text}/>` : `${text}>${textOf(children)}</${name}>`);
}

/** A number with two decimals at most: a hundredth of a pixel is enough. */
export function short(value: number): string {
  return String(Math.round(value * 100) / 100);
}
