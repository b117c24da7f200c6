/** Finds rules that no packet can reach, because one in front of them matches all that they would. */
import { RULE_WORDS, type Rule } from './rule.ts';

interface Mask {
  readonly care: Int32Array;
  /** By what a rule asks for under this mask: the first such rule. */
  readonly first: Map<string, Rule>;
}

/** A rule that can never match, and one in front of it that takes all its packets. */
export interface ShadowedRule {
  readonly rule: Rule;
  readonly by: Rule;
}

/**
 * The rules that can never match because of a single other one. Those that only several others together take all packets of are
 * not found.
 *
 * @param rules in the order of their locations
 */
export function shadowedRules(rules: readonly Rule[]): ShadowedRule[] {
  const found: ShadowedRule[] = [];
  // By flow type, then by mask: there are few masks, however many rules there are.
  const types = new Map<string, Mask[]>();
  for (const rule of rules) {
    const own = `${rule.base}${rule.six}`;
    const by = shadowing(rule, types.get(own)) ?? shadowing(rule, types.get(`ip${rule.six}`));
    if (by === undefined) remember(types, own, rule);
    else found.push({ rule, by });
  }
  return found;
}

/** One of these masks' rules that takes all packets of the rule. What speaks of all IP packets goes before every other type, too. */
function shadowing(rule: Rule, masks: readonly Mask[] = []): Rule | undefined {
  for (const { care, first } of masks) {
    const by = isWithin(care, rule.care) ? first.get(wanted(rule.value, care)) : undefined;
    if (by !== undefined) return by;
  }
  return undefined;
}

function remember(types: Map<string, Mask[]>, type: string, rule: Rule): void {
  const masks = types.get(type) ?? [];
  types.set(type, masks);
  const known = masks.find(({ care }) => care.every((word, i) => word === rule.care[i]));
  const mask = known ?? { care: rule.care, first: new Map() };
  if (known === undefined) masks.push(mask);
  mask.first.set(wanted(rule.value, rule.care), rule);
}

/** Whether all bits that matter to `less` matter to `more`. */
function isWithin(less: Int32Array, more: Int32Array): boolean {
  for (let i = 0; i < RULE_WORDS; i++) if ((less[i] & ~more[i]) !== 0) return false;
  return true;
}

function wanted(value: Int32Array, care: Int32Array): string {
  let text = '';
  for (let i = 0; i < RULE_WORDS; i++) if (care[i] !== 0) text += `${value[i] & care[i]} `;
  return text;
}
