/**
 * Computes single values with the browser's verifier: one JSON request per line of stdin, one JSON answer per line.
 *
 *     {"do": "teams", "hash", "key", "roster": {pid: [labels, cap, base]}, "recused": [[pid, target]],
 *      "slots": {target: [[labels]]}, "standing": {target: [pid or null]}, "open": {target: [index]}}
 *         → {"assigned", "augmentations", "levellings", "loads"}; with "standing" as in a round (§11), else as in a draw
 *     {"do": "th", "hash", "tag", "parts"}     → hex; a part is text, a number, null or {"hex"}
 *     {"do": "h" | "tree" | "chain" | "key" | "quotas" | "ed25519" | "sha512" | "json" | "canonical" | "shape", …}: see DO
 *
 * A JSON object keeps `__proto__` as a key of its own when it is read as here, into Maps.
 */
import { createInterface } from 'node:readline';
import { core } from './core.mjs';

const replacements = [];
for (let at = 2; at < process.argv.length; at += 4) replacements.push([process.argv[at + 1], process.argv[at + 3]]);
const { parts } = core(replacements);
const { hex, unhex, utf8 } = parts.bytes;
const { Hashing, canonical } = parts.hashing;

const plain = (part) => (part instanceof Map ? unhex(part.get('hex')) : part);
const bytesOf = (part) => (part instanceof Map ? unhex(part.get('hex')) : utf8(part));

const DO = {
  th: (ask, hashing) => hex(hashing.th(ask.get('tag'), ...ask.get('parts').map(plain))),
  h: (ask, hashing) => hex(hashing.h(bytesOf(ask.get('of')))),
  tree: (ask, hashing) => hex(hashing.treeOf(ask.get('leaves').map(bytesOf))),
  chain: (ask, hashing) => hex(hashing.chain(unhex(ask.get('of')), ask.get('times'))),
  key: (ask, hashing) => hashing.key(unhex(ask.get('seed')), ...ask.get('parts')),
  ed25519: (ask) => parts.ed25519.verifyEd25519(unhex(ask.get('key')), unhex(ask.get('message')), unhex(ask.get('signature'))),
  sha512: (ask) => hex(parts.sha512.sha512(unhex(ask.get('of')))),
  json: (ask) => parts.json.readJson(unhex(ask.get('of')), 'text'),
  canonical: (ask) => canonical(ask.get('of')),
  shape: (ask) => parts.shape.checkShape(ask.get('of')) === undefined,
  quotas: (ask, hashing) => {
    const [seed, cells] = [unhex(ask.get('seed')), ask.get('cells')];
    const level = [...cells.keys()][0].split('/')[0];
    const total = [...cells.values()].reduce((a, b) => a + b, 0);
    const spread = parts.quota.spread(hashing, seed, level, cells, parts.quota.sizeOfClass(ask.get('rule'), total));
    return { order: [...spread.keys()], U: String(parts.quota.roundingOffset(hashing, seed, level)), quota: spread };
  },
  teams: (ask, hashing) => {
    const steps = new parts.verdict.Steps();
    const teams = new parts.teams.Teams(hashing, ask.get('key'), ask.get('roster'), ask.get('recused'), steps);
    const standing = ask.get('standing');
    for (const [target, slots] of ask.get('slots')) {
      if (standing && standing.has(target)) teams.add(target, slots, standing.get(target), (ask.get('open') || new Map()).get(target));
      else teams.add(target, slots);
    }
    if (standing) teams.refill();
    else teams.assign();
    const loads = new Map(teams.pids.map((pid, i) => [pid, teams.load[i]]));
    return { assigned: teams.assigned(), augmentations: teams.augmentations, levellings: teams.levellings, loads };
  },
};

/** Write an answer: Maps as objects, in the order they have. */
function written(value) {
  if (value instanceof Map) return `{${[...value].map(([key, one]) => `${JSON.stringify(key)}:${written(one)}`).join(',')}}`;
  if (Array.isArray(value)) return `[${value.map(written).join(',')}]`;
  if (value instanceof parts.json.OddNumber) return JSON.stringify({ odd: value.text });
  if (value !== null && typeof value === 'object') return written(new Map(Object.entries(value)));
  return JSON.stringify(value);
}

for await (const line of createInterface({ input: process.stdin })) {
  let answer;
  try {
    const ask = parts.json.readJson(utf8(line), 'request');
    answer = { answer: DO[ask.get('do')](ask, new Hashing(ask.get('hash') || 'sha256')) };
  } catch (problem) {
    answer = { refused: problem.constructor.name, place: problem.place || '', en: problem.en || String(problem) };
  }
  process.stdout.write(`${written(answer)}\n`);
}
