/**
 * The shape of a record: draw-record.schema.json and draw-manifest.schema.json, written out as checks.
 *
 * A check is a function (value, place) that throws Differs (§14) at the first place that has another shape. Text that
 * is hashed has to be NFC without half a surrogate pair (§1).
 */
import { Differs } from './verdict.js';

const MAX = Number.MAX_SAFE_INTEGER;
const IDENTIFIER = /^[0-9A-Za-z._-]{1,64}$/;
const LOWER_HEX = /^[0-9a-f]*$/;
const LONE_SURROGATE = /[\ud800-\udfff]/u;

/** Say whether text is identifiers joined by "/" (§1). */
export function isStratum(text) {
  return text.split('/').every((part) => IDENTIFIER.test(part));
}

function wrong(place, zh, en) {
  throw new Differs(14, place, `格式不符：${zh}`, `wrong shape: ${en}`);
}

// --- what checks are built from --------------------------------------------------------------------------------------

function text(fits, zh, en) {
  return (value, place) => {
    if (typeof value !== 'string' || !fits(value)) wrong(place, zh, en);
  };
}

function constant(...allowed) {
  const list = allowed.map((one) => JSON.stringify(one)).join(' | ');
  return (value, place) => {
    if (!allowed.includes(value)) wrong(place, `应为 ${list}`, `must be ${list}`);
  };
}

function integer(from = 0, to = MAX) {
  return (value, place) => {
    if (typeof value !== 'number' || value < from || value > to) {
      wrong(place, `应为 ${from} 至 ${to} 的整数`, `must be an integer from ${from} to ${to}`);
    }
  };
}

function list(item, { least = 0, most = MAX, distinct = false } = {}) {
  return (value, place) => {
    if (!Array.isArray(value)) wrong(place, '应为数组', 'must be an array');
    if (value.length < least) wrong(place, `至少 ${least} 项`, `must hold at least ${least}`);
    if (value.length > most) wrong(place, `至多 ${most} 项`, `must hold at most ${most}`);
    value.forEach((one, i) => item(one, `${place}[${i}]`));
    if (distinct && new Set(value).size < value.length) wrong(place, '有重复项', 'holds something twice');
  };
}

function tuple(...items) {
  return (value, place) => {
    if (!Array.isArray(value) || value.length !== items.length) {
      wrong(place, `应为 ${items.length} 项的数组`, `must be an array of ${items.length}`);
    }
    items.forEach((item, i) => item(value[i], `${place}[${i}]`));
  };
}

function asMap(value, place) {
  if (!(value instanceof Map)) wrong(place, '应为对象', 'must be an object');
}

/** An object of named fields; a name that ends in "?" may be missing. */
function fields(shape) {
  const checks = new Map(Object.entries(shape).map(([name, check]) => [name.replace('?', ''), check]));
  const needed = Object.keys(shape).filter((name) => !name.endsWith('?'));
  return (value, place) => {
    asMap(value, place);
    const inside = place === '' ? '' : `${place}.`;
    for (const name of needed) if (!value.has(name)) wrong(`${inside}${name}`, '缺少', 'is missing');
    for (const name of value.keys()) {
      if (!checks.has(name)) wrong(`${inside}${name}`, '没有这个字段', 'is not a field of the schema');
    }
    for (const [name, one] of value) checks.get(name)(one, `${inside}${name}`);
  };
}

/** An object whose keys are data. */
function table(keyCheck, item, least = 0) {
  return (value, place) => {
    asMap(value, place);
    if (value.size < least) wrong(place, `至少 ${least} 项`, `must hold at least ${least}`);
    for (const [key, one] of value) {
      keyCheck(key, `${place}.${key}`);
      item(one, `${place}.${key}`);
    }
  };
}

function orNull(check) {
  return (value, place) => {
    if (value !== null) check(value, place);
  };
}

/** One of several forms of an object; `choose(map)` names the form it wants to be. */
function form(choose) {
  return (value, place) => {
    asMap(value, place);
    choose(value)(value, place);
  };
}

// --- the words of the two schemas ------------------------------------------------------------------------------------

function ofHex(bytes) {
  return text((t) => t.length === 2 * bytes && LOWER_HEX.test(t), `应为 ${2 * bytes} 位小写十六进制`, `must be ${2 * bytes} lower-case hex characters`);
}

const identifier = text((t) => IDENTIFIER.test(t), '应为标识符', 'must be an identifier');
const stratumName = text(isStratum, '应为以 / 相连的标识符', 'must be identifiers joined by /');
const digest = ofHex(32);
const signature = ofHex(64);
const publicKey = text((t) => LOWER_HEX.test(t) && (t.length === 64 || (t.length === 130 && t.startsWith('04'))), '应为公钥的十六进制', 'must be a public key in hex');
const evenHex = text((t) => t.length % 2 === 0 && LOWER_HEX.test(t), '应为小写十六进制字节', 'must be bytes in lower-case hex');
const words = text((t) => !LONE_SURROGATE.test(t), '应为完整的文本', 'must be text without half a surrogate pair');
const someWords = text((t) => t.length > 0 && !LONE_SURROGATE.test(t), '应为非空文本', 'must be text, not empty');
const hashedWords = text(
  (t) => t.length > 0 && !LONE_SURROGATE.test(t) && t.normalize('NFC') === t,
  '应为非空的 NFC 文本',
  'must be NFC text, not empty',
);
const alg = constant('ed25519', 'sm2');
const agencyName = text((t) => IDENTIFIER.test(t) && t !== 'witness', '应为 witness 以外的标识符', 'must be an identifier other than witness');
const slotPlace = text((t) => t === '' || isStratum(t), '应为层、类或空', 'must be a stratum, a class or empty');
const identifiers = list(identifier);

const rule = form((value) => {
  if (value.has('full')) return fields({ full: constant(true) });
  if (value.has('count') && !value.has('rate')) return fields({ count: integer() });
  return fields({ rate: tuple(integer(), integer(1)), 'min?': integer(), 'max?': integer() });
});

/** A beacon as announced, in a manifest or (with wider bounds in the schema) in a round. */
function beaconSource(bounds) {
  return form((value) => {
    const id = typeof value.get('id') === 'string' ? value.get('id') : '';
    if (id === 'drand-quicknet') return fields({ id: words, round: integer(bounds.drand) });
    if (id === 'room-dice') return fields({ id: words, round: integer(20, bounds.dice) });
    if (id.startsWith('lottery:')) {
      return fields({ id: named('lottery:'), round: integer(), digits: integer(1, bounds.digits) });
    }
    if (id.startsWith('chain:')) {
      return fields({ id: named('chain:'), round: integer(), anchor: digest, index: integer(1, bounds.index) });
    }
    const inside = typeof value.get('id') === 'string' ? '.id' : '';
    return (_, place) => wrong(`${place}${inside}`, '应为 drand-quicknet、room-dice、lottery:… 或 chain:…', 'must be drand-quicknet, room-dice, lottery:… or chain:…');
  });
}

function named(prefix) {
  return text((t) => /^[0-9A-Za-z._-]+$/.test(t.slice(prefix.length)), `应为 ${prefix} 加标识符`, `must be ${prefix} and an identifier`);
}

const rosterAnnounced = fields({
  roster: digest, recusals: digest, pids: digest, inspectors: integer(), labels: table(identifier, integer()),
  capacity: integer(), recused: integer(), most_recused: integer(),
});

const manifest = fields({
  v: constant('JIDRAW/1'),
  hash: constant('sha256', 'sm3'),
  draw: identifier,
  attempt: integer(1, 2 ** 31),
  prev: orNull(digest),
  parent: orNull(fields({ manifest: digest, result: digest })),
  purpose: constant('live', 'rehearsal'),
  plan: digest,
  lead: identifier,
  agencies: table(agencyName, fields({ alg, key: publicKey, custody: constant('own', 'page', 'server') }), 1),
  witness: orNull(fields({ name: hashedWords, alg, key: publicKey })),
  lines: table(identifier, identifier),
  selections: list(
    fields({ id: identifier, lines: list(identifier, { least: 1, distinct: true }), rules: table(identifier, rule) }),
    { least: 1 },
  ),
  frame: fields({
    n: integer(), root: digest,
    shards: list(fields({ shard: identifier, n: integer(), digest, root: digest }), { least: 1 }),
  }),
  sizes: table(identifier, table(identifier, tuple(integer(), integer()))),
  slots: table(identifier, table(slotPlace, list(identifiers))),
  rosters: table(identifier, rosterAnnounced),
  base_from: list(digest),
  beacons: list(beaconSource({ drand: 1, dice: 1000, digits: 1e6, index: 1e6 }), { most: 2 }),
  times: fields({
    published: integer(), commit_close: integer(), reveal_close: integer(), seal_by: integer(),
    beacon_time: integer(), window_end: integer(),
  }),
  chain_len: integer(0, 1000),
  max_missing: integer(),
  replacement: fields({ max: integer(), reasons: identifiers }),
  disclosure: constant('open', 'window', 'visit'),
});

const commits = table(identifier, fields({ c: digest, sig: signature }));
const signatures = table(identifier, signature);
const reveals = table(identifier, fields({ value: digest, sig: signature }));

/** {witness} or {agencies}, with other fields beside it. */
function signedBy(others) {
  return form((value) =>
    value.has('agencies')
      ? fields({ ...others, agencies: signatures })
      : fields({ ...others, witness: signature }));
}

const seal = signedBy({ digest, at: integer() });
const beacons = list(fields({ id: words, round: integer(), value: evenHex, 'proof?': signedBy({}) }), { most: 2 });
const selected = table(identifier, table(stratumName, identifiers));
const work = table(identifier, table(identifier, list(identifier, { least: 1, distinct: true })));
const assigned = table(identifier, list(orNull(digest)));

const teamOfEdition = {
  public: fields({ assigned }),
  full: fields({
    assigned,
    rho: digest,
    roster: table(digest, tuple(identifiers, integer(0, 2 ** 31), integer(0, 2 ** 31))),
    recused: list(tuple(digest, identifier)),
  }),
};

const request = fields({
  beacons: list(beaconSource({ drand: 0, dice: MAX, digits: MAX, index: MAX }), { most: 2 }),
  dropouts: list(fields({ agency: identifier, inspector: digest, id: identifier, reason: identifier, evidence: digest })),
  removed: list(fields({ id: identifier, reason: identifier, evidence: digest })),
  times: fields({ seal_by: integer(), beacon_time: integer() }),
});

const roundNumber = integer(1, 1000);
const replacements = list(fields({
  round: roundNumber, rho: request, signatures, reveals, seal, beacons, seed: digest, selected, work,
  teams: table(identifier, assigned), visits_root: digest, result_digest: digest,
}));
const spent = list(fields({ round: roundNumber, rho: request, signatures, reason: someWords }));
const attempts = list(fields({
  manifest, reason: someWords, 'absent?': identifiers, 'commits?': commits, 'countersignatures?': signatures,
  'reveals?': reveals,
}));
const faults = list(fields({ what: someWords, 'who?': words, 'evidence?': digest }));

/** Refuse a record of another shape. */
export function checkShape(record) {
  const edition = record instanceof Map ? record.get('edition') : undefined;
  fields({
    v: constant('JIDRAW/1'), edition: constant('full', 'public'), manifest, manifest_digest: digest, commits,
    commits_digest: digest, countersignatures: signatures, reveals, seal, beacons, seed: digest, selected, work,
    teams: table(identifier, edition === 'full' ? teamOfEdition.full : teamOfEdition.public),
    visits_root: digest, result_digest: digest, replacements, attempts, spent, faults,
  })(record, '');
}

/** Say whether a value has the shape of a keys file: {agency or "witness": key in hex}. */
export function isKeysFile(value) {
  try {
    table(identifier, publicKey)(value, 'keys');
    return true;
  } catch (problem) {
    if (problem instanceof Differs) return false;
    throw problem;
  }
}
