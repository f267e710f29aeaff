/** Quotas (§9): whole numbers only, spread over cells by systematic rounding in a drawn order. */
import { compareBytes } from './bytes.js';

/** Give n for a class with N entities under its rule. */
export function sizeOfClass(rule, total) {
  const all = BigInt(total);
  let n = all;
  if (rule.has('count')) n = BigInt(rule.get('count'));
  if (rule.has('rate')) {
    const [p, q] = rule.get('rate').map(BigInt);
    n = (all * p + q - 1n) / q;
    if (rule.has('min') && n < BigInt(rule.get('min'))) n = BigInt(rule.get('min'));
    if (rule.has('max') && n > BigInt(rule.get('max'))) n = BigInt(rule.get('max'));
  }
  return Number(n < all ? n : all);
}

/**
 * Spread n inspections of one class over its cells.
 *
 * `cells` is {stratum: entities, at least 1}; gives {stratum: quota} in the drawn order of the cells.
 */
export function spread(hashing, seed, level, cells, n) {
  const order = [...cells.keys()]
    .map((stratum) => ({ stratum, at: hashing.th('cell', seed, stratum) }))
    .sort((a, b) => compareBytes(a.at, b.at));
  const total = [...cells.values()].reduce((sum, size) => sum + BigInt(size), 0n);
  const offset = roundingOffset(hashing, seed, level);
  const wanted = BigInt(n);
  const quotas = new Map();
  let reached = 0n;
  let given = 0n;
  for (const { stratum } of order) {
    reached += BigInt(cells.get(stratum));
    const upTo = (((wanted * reached) << 64n) + offset * total) / (total << 64n);
    quotas.set(stratum, Number(upTo - given));
    given = upTo;
  }
  return quotas;
}

/** Give U, the first 8 bytes of TH("round", seed, class) as a number. */
export function roundingOffset(hashing, seed, level) {
  return new DataView(hashing.th('round', seed, level).buffer).getBigUint64(0);
}

/** Give the quota of every stratum of a selection; `sizes` is {stratum: entities of the sub-frame}. */
export function quotasOfSelection(hashing, seed, rules, sizes) {
  const classes = new Map();
  for (const [stratum, size] of sizes) {
    const level = stratum.split('/', 1)[0];
    if (!classes.has(level)) classes.set(level, new Map());
    classes.get(level).set(stratum, size);
  }
  const quotas = new Map();
  for (const [level, cells] of classes) {
    const total = [...cells.values()].reduce((sum, size) => sum + size, 0);
    const n = sizeOfClass(rules.get(level), total);
    if (n === 0) continue;
    for (const [stratum, quota] of spread(hashing, seed, level, cells, n)) quotas.set(stratum, quota);
  }
  return quotas;
}
