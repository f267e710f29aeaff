/** Which entities were drawn (§8–§10), worked out from the frame: two counts, then one walk over the rows. */
import { ascending, latin, rises, utf8 } from './bytes.js';
import { walk } from './frame.js';
import { quotasOfSelection } from './quota.js';
import { Differs, same, sameKeys } from './verdict.js';

/** The frame as the rest needs it: its files, its kinds with their counts, and who is told how far the reading is. */
export class Frame {
  constructor(surveys, kinds, counts, progress) {
    this.surveys = surveys;
    this.kinds = kinds;
    this.counts = counts;
    this.progress = progress;
  }

  /** Count the entities of a selection's sub-frame by stratum. */
  strataOf(selection) {
    const wanted = new Set(selection.get('lines'));
    const sizes = new Map();
    for (const [kind, rows] of this.counts) {
      if (kind.lines.some((line) => wanted.has(line))) sizes.set(kind.stratum, (sizes.get(kind.stratum) || 0) + rows);
    }
    return sizes;
  }

  walk(visit) {
    return walk(this.surveys, this.kinds, visit, this.progress);
  }
}

/** One stratum of one selection from which `need` entities are drawn. */
class Pool {
  constructor(selection, stratum, size, need) {
    this.selection = selection;
    this.stratum = stratum;
    this.size = size;
    this.need = need;
    this.barred = new Set(); // ids that may not be drawn here
    this.found = []; // "ticket id TAB kind", which sort as tickets do
    this.ceiling = 2 ** 32;
  }

  /** Keep only tickets below a bound that leaves enough of them, all but surely. */
  narrow() {
    const n = this.need + Math.min(this.barred.size, this.size);
    const share = (n + 6 * Math.sqrt(n) + 16) / this.size;
    this.ceiling = Math.min(2 ** 32, Math.ceil(share * 2 ** 32) + 1);
  }
}

/** Fill pools with the smallest tickets under a key; gives {pool: [{id, kind}]} in ticket order. */
async function smallestTickets(frame, hashing, key, pools) {
  for (const pool of pools) pool.narrow();
  let open = pools.filter((pool) => pool.need > 0);
  while (open.length > 0) {
    await collect(frame, hashing, key, open);
    open = open.filter((pool) => pool.found.length < Math.min(pool.need, pool.size) && pool.ceiling < 2 ** 32);
    for (const pool of open) {
      pool.found = [];
      pool.ceiling = 2 ** 32;
    }
  }
  const drawn = new Map();
  for (const pool of pools) {
    const first = pool.found.sort((a, b) => (a < b ? -1 : 1)).slice(0, pool.need);
    drawn.set(pool, first.map((text) => {
      const [id, kind] = text.slice(32).split('\t');
      return { id, kind: frame.kinds.all[Number(kind)] };
    }));
    pool.found = [];
  }
  return drawn;
}

async function collect(frame, hashing, key, pools) {
  const ofKind = poolsByKind(frame, pools);
  const prefix = utf8(`${key}|`);
  const hasher = hashing.begin();
  await frame.walk((bytes, from, tab, kind) => {
    const mine = ofKind[kind.index];
    if (mine === undefined) return;
    const leading = hasher.reset().update(prefix).update(bytes, from, tab).finish().state[0] >>> 0;
    for (const pool of mine) {
      if (leading >= pool.ceiling) continue;
      const id = latin(bytes, from, tab);
      if (!pool.barred.has(id)) pool.found.push(`${hasher.asText()}${id}\t${kind.index}`);
    }
  });
}

function poolsByKind(frame, pools) {
  const lines = new Map();
  for (const { selection } of pools) lines.set(selection, new Set(selection.get('lines')));
  const ofStratum = new Map();
  for (const pool of pools) {
    if (!ofStratum.has(pool.stratum)) ofStratum.set(pool.stratum, []);
    ofStratum.get(pool.stratum).push(pool);
  }
  const ofKind = [];
  for (const kind of frame.counts.keys()) {
    const here = ofStratum.get(kind.stratum) || [];
    const mine = here.filter((pool) => kind.lines.some((line) => lines.get(pool.selection).has(line)));
    if (mine.length > 0) ofKind[kind.index] = mine;
  }
  return ofKind;
}

/**
 * Compare the record's selection with the frame's; gives {id: kind} of everybody drawn.
 *
 * Counts are compared before tickets, so that a wrong quota is called a wrong quota.
 */
export async function checkSelection(frame, hashing, seed, manifest, selected) {
  const selections = manifest.get('selections');
  sameKeys(10, 'selected', selected, selections.map((one) => one.get('id')));
  const pools = [];
  for (const selection of selections) {
    const sizes = frame.strataOf(selection);
    const quotas = quotasOfSelection(hashing, seed, selection.get('rules'), sizes);
    checkCounts(selected.get(selection.get('id')), quotas, `selected.${selection.get('id')}`);
    for (const [stratum, need] of quotas) {
      if (need > 0) pools.push(new Pool(selection, stratum, sizes.get(stratum), need));
    }
  }
  const kinds = new Map();
  for (const [pool, drawn] of await smallestTickets(frame, hashing, hashing.key(seed, 'target'), pools)) {
    const id = pool.selection.get('id');
    sameIds(10, selected.get(id).get(pool.stratum), drawn, `selected.${id}.${pool.stratum}`);
    for (const one of drawn) kinds.set(one.id, one.kind);
  }
  return kinds;
}

function checkCounts(strata, quotas, place) {
  const due = [...quotas].filter(([, n]) => n > 0);
  for (const [stratum, n] of due) same(10, `${place} (counts).${stratum}`, (strata.get(stratum) || []).length, n);
  for (const [stratum, ids] of strata) {
    if (quotas.get(stratum) > 0) continue;
    same(10, `${place} (counts).${stratum}`, ids.length, 0);
    throw new Differs(10, `${place} (counts).${stratum}`, '没有抽到对象的层不应列出', 'draws nothing and is left out');
  }
}

function sameIds(section, recorded, drawn, place) {
  same(section, place, recorded.length, drawn.length);
  recorded.forEach((id, i) => same(section, `${place}[${i}]`, id, drawn[i].id));
}

/**
 * Work out what a round draws (§11): per selection and stratum with removals, the smallest new tickets.
 *
 * `removals` is {selection id: {stratum: how many}}, `barred(selection id)` the ids that may not be drawn there.
 * Gives [{selection, stratum, drawn: [{id, kind}]}].
 */
export async function drawReplacements(frame, hashing, seed, manifest, removals, barred) {
  const pools = [];
  for (const selection of manifest.get('selections')) {
    const strata = removals.get(selection.get('id')) || new Map();
    const sizes = frame.strataOf(selection);
    for (const [stratum, need] of strata) {
      const pool = new Pool(selection, stratum, sizes.get(stratum), need);
      pool.barred = barred(selection.get('id'));
      pools.push(pool);
    }
  }
  const drawn = await smallestTickets(frame, hashing, hashing.key(seed, 'target'), pools);
  return [...drawn].map(([pool, found]) => ({ selection: pool.selection.get('id'), stratum: pool.stratum, drawn: found }));
}

/** Compare a round's `selected` with what was drawn. */
export function checkReplacements(recorded, found, place) {
  sameKeys(11, place, recorded, ascending(new Set(found.map((one) => one.selection))));
  for (const { selection, stratum, drawn } of found) {
    const strata = recorded.get(selection);
    const due = found.filter((one) => one.selection === selection).map((one) => one.stratum);
    sameKeys(11, `${place}.${selection}`, strata, ascending(due));
    sameIds(11, strata.get(stratum), drawn, `${place}.${selection}.${stratum}`);
  }
}

/**
 * Work out who visits whom for what (§10): {agency: {id: lines}}.
 *
 * `drawn` is {selection id: iterable of ids}, `linesOf(id)` what the frame says an entity carries.
 */
export function workOf(manifest, drawn, linesOf) {
  const owner = manifest.get('lines');
  const sets = new Map();
  for (const selection of manifest.get('selections')) {
    const asked = new Set(selection.get('lines'));
    for (const id of drawn.get(selection.get('id')) || []) {
      if (!sets.has(id)) sets.set(id, new Set());
      for (const line of linesOf(id)) if (asked.has(line)) sets.get(id).add(line);
    }
  }
  const work = new Map(ascending(manifest.get('agencies').keys()).map((agency) => [agency, new Map()]));
  for (const [id, lines] of sets) {
    for (const line of ascending(lines)) {
      const mine = work.get(owner.get(line));
      if (!mine.has(id)) mine.set(id, []);
      mine.get(id).push(line);
    }
  }
  return work;
}

/** Compare a work list with what is due; an agency without work may be left out. */
export function checkWork(section, recorded, due, place) {
  for (const agency of recorded.keys()) {
    if (!due.has(agency)) throw new Differs(section, `${place}.${agency}`, '不是参与部门', 'is no agency');
  }
  for (const [agency, targets] of due) {
    const mine = recorded.get(agency) || new Map();
    const inside = `${place}.${agency}`;
    sameKeys(section, inside, mine, ascending(targets.keys()));
    for (const [id, lines] of targets) {
      same(section, `${inside}.${id}`, mine.get(id).length, lines.length);
      lines.forEach((line, i) => same(section, `${inside}.${id}[${i}]`, mine.get(id)[i], line));
    }
  }
}

/** Check what the frame is not needed for: an id drawn once per selection, work only for those who were drawn. */
export function checkSelectionAlone(manifest, selected, work) {
  const selections = manifest.get('selections');
  sameKeys(10, 'selected', selected, selections.map((one) => one.get('id')));
  const strata = new Map();
  const asked = new Map(); // id → lines it may be inspected for
  for (const selection of selections) {
    const place = `selected.${selection.get('id')}`;
    const refuse = (zh, en) => {
      throw new Differs(10, place, zh, en);
    };
    const seen = new Set();
    for (const [stratum, ids] of selected.get(selection.get('id'))) {
      if (ids.length === 0) refuse(`${stratum} 没有抽到对象，不应列出`, `${stratum} draws nothing and is left out`);
      for (const id of ids) {
        if (seen.has(id)) refuse(`${id} 出现两次`, `${id} comes twice`);
        if (strata.has(id) && strata.get(id) !== stratum) refuse(`${id} 出现在两个层中`, `${id} stands in two strata`);
        seen.add(id);
        strata.set(id, stratum);
        if (!asked.has(id)) asked.set(id, new Set());
        for (const line of selection.get('lines')) asked.get(id).add(line);
      }
    }
  }
  checkWorkAlone(manifest, work, asked);
  return strata;
}

function checkWorkAlone(manifest, work, asked) {
  const refuse = (zh, en) => {
    throw new Differs(10, 'work', zh, en);
  };
  const visited = new Set();
  for (const [agency, targets] of work) {
    if (!manifest.get('agencies').has(agency)) refuse(`${agency} 不是参与部门`, `${agency} is no agency`);
    for (const [id, lines] of targets) {
      if (!asked.has(id)) refuse(`${id} 没有被抽中`, `${id} was not drawn`);
      visited.add(id);
      const fits = (line) => asked.get(id).has(line) && manifest.get('lines').get(line) === agency;
      if (!rises(lines) || !lines.every(fits)) refuse(`${agency} 对 ${id} 的事项不对`, `the lines of ${agency} at ${id} do not belong there`);
    }
  }
  for (const id of asked.keys()) {
    if (!visited.has(id)) refuse(`${id} 被抽中而无人检查`, `${id} was drawn and nobody visits it`);
  }
}
