/** The manifest (§4): its digest, and every rule that makes a manifest refused. */
import { ascending, hex, rises, unhex } from './bytes.js';
import { announcedSources } from './beacons.js';
import { sizeOfClass } from './quota.js';
import { Differs, same } from './verdict.js';

const BEFORE_BEACON = 600; // seconds between the last seal and the beacon

/** Work out M. */
export function manifestDigest(hashing, manifest) {
  return hashing.thOf('manifest', manifest);
}

function refuse(place, zh, en) {
  throw new Differs(4, place, zh, en);
}

/** Check what a manifest says of itself, without its frame; `place` is "manifest" or "attempts[i].manifest". */
export function checkManifest(manifest, hashing, place) {
  checkParties(manifest, place);
  checkSelections(manifest, place);
  checkTimes(manifest.get('times'), `${place}.times`);
  const many = manifest.get('agencies').size;
  if (manifest.get('max_missing') > Math.floor(many / 3)) {
    refuse(`${place}.max_missing`, '缺失的揭示至多为部门数的三分之一', 'more than a third of the agencies may be missing');
  }
  if ((manifest.get('attempt') === 1) !== (manifest.get('prev') === null)) {
    refuse(`${place}.prev`, '第一次抽取没有前次，其后每次都有', 'the first attempt has no prev, every later one has');
  }
  announcedSources(7, manifest, manifest.get('beacons'), manifest.get('times').get('beacon_time'), place, 4);
  checkFrameAnnounced(manifest.get('frame'), hashing, `${place}.frame`);
}

function checkParties(manifest, place) {
  const agencies = manifest.get('agencies');
  const witness = manifest.get('witness');
  if (!agencies.has(manifest.get('lead'))) refuse(`${place}.lead`, '牵头部门不在参与部门中', 'the lead is no agency');
  const owners = new Map();
  for (const [name, party] of agencies) {
    keyFits(party, `${place}.agencies.${name}.key`);
    const other = owners.get(party.get('key'));
    if (other !== undefined) {
      refuse(`${place}.agencies`, `${other} 与 ${name} 使用同一公钥`, `${other} and ${name} have one key`);
    }
    owners.set(party.get('key'), name);
  }
  if (witness !== null) {
    keyFits(witness, `${place}.witness.key`);
    if (owners.has(witness.get('key')) || agencies.has(witness.get('name'))) {
      refuse(`${place}.witness`, '见证人是参与部门之一', 'the witness is one of the agencies');
    }
  } else if (agencies.size === 1) {
    refuse(`${place}.witness`, '单部门抽取必须有见证人', 'a draw of one agency needs a witness');
  }
}

function keyFits(party, place) {
  const due = party.get('alg') === 'ed25519' ? 64 : 130;
  if (party.get('key').length !== due) refuse(place, '公钥长度与算法不符', 'the key has not the length of its algorithm');
}

function checkSelections(manifest, place) {
  const selections = manifest.get('selections');
  if (!rises(selections.map((one) => one.get('id')))) {
    refuse(`${place}.selections`, '未按标识升序排列，或有重复', 'are not in ascending order, or one comes twice');
  }
  const agencies = manifest.get('agencies');
  for (const selection of selections) {
    const inside = `${place}.selections.${selection.get('id')}`;
    for (const line of selection.get('lines')) {
      if (!agencies.has(manifest.get('lines').get(line))) {
        refuse(`${inside}.lines`, `事项 ${line} 没有负责部门`, `nobody has the line ${line}`);
      }
    }
    for (const [level, rule] of selection.get('rules')) {
      checkRule(rule, `${inside}.rules.${level}`);
      if (manifest.get('parent') !== null && !rule.has('full')) {
        refuse(`${inside}.rules.${level}`, '分段式抽取的规则须为全部', 'every rule of a staged draw is "full"');
      }
    }
  }
  for (const agency of ascending(new Set(manifest.get('lines').values()))) {
    for (const part of ['slots', 'rosters']) {
      if (agencies.has(agency) && !manifest.get(part).has(agency)) {
        refuse(`${place}.${part}.${agency}`, '有事项的部门缺少此项', 'an agency with lines has none');
      }
    }
  }
}

function checkRule(rule, place) {
  if (!rule.has('rate')) return;
  const [p, q] = rule.get('rate');
  if (p > q) throw new Differs(9, `${place}.rate`, '比例大于一', 'the rate is above one');
  if (rule.has('min') && rule.has('max') && rule.get('min') > rule.get('max')) {
    throw new Differs(9, place, '下限大于上限', 'min is above max');
  }
}

function checkTimes(times, place) {
  const late = (name, zh, en) => refuse(`${place}.${name}`, zh, en);
  const at = (name) => times.get(name);
  if (at('published') > at('commit_close')) late('commit_close', '早于公布', 'is before the publication');
  if (at('commit_close') >= at('reveal_close')) late('reveal_close', '不晚于承诺截止', 'is not after the commitments close');
  if (at('reveal_close') > at('seal_by')) late('seal_by', '早于揭示截止', 'is before the reveals close');
  if (at('seal_by') > at('beacon_time') - BEFORE_BEACON) {
    late('beacon_time', '距封存不足 600 秒', 'is less than 600 s after the seal');
  }
  if (at('beacon_time') > at('window_end')) late('window_end', '早于随机源的规定时间', 'is before the beacon');
}

function checkFrameAnnounced(frame, hashing, place) {
  const shards = new Map();
  for (const shard of frame.get('shards')) {
    const name = shard.get('shard');
    if (shards.has(name)) throw new Differs(2, `${place}.shards`, `分片 ${name} 重复`, `the shard ${name} comes twice`);
    shards.set(name, shard);
  }
  let n = 0n;
  const leaves = [];
  for (const name of ascending(shards.keys())) {
    const shard = shards.get(name);
    n += BigInt(shard.get('n'));
    leaves.push(hashing.th('shard', name, shard.get('n'), unhex(shard.get('digest')), unhex(shard.get('root'))));
  }
  same(2, `${place}.n`, String(frame.get('n')), String(n));
  same(2, `${place}.root`, frame.get('root'), hex(hashing.treeOf(leaves)));
}

/**
 * Check a manifest against the frame it announces.
 *
 * `counts` is {kind: rows}. Refused: a line of nobody, a class without a rule, sizes that are not the frame's.
 */
export function checkAgainstFrame(manifest, counts, place) {
  const agencies = manifest.get('agencies');
  for (const kind of counts.keys()) {
    for (const line of kind.lines) {
      if (!agencies.has(manifest.get('lines').get(line))) {
        refuse(`${place}.lines`, `抽样框中的事项 ${line} 没有负责部门`, `nobody has the line ${line} of the frame`);
      }
    }
  }
  for (const selection of manifest.get('selections')) {
    checkSizes(manifest, selection, sizesOf(selection, counts), place);
  }
}

/** Count the entities of a selection's sub-frame by class. */
function sizesOf(selection, counts) {
  const wanted = new Set(selection.get('lines'));
  const sizes = new Map();
  for (const [kind, rows] of counts) {
    if (kind.lines.some((line) => wanted.has(line))) sizes.set(kind.level, (sizes.get(kind.level) || 0) + rows);
  }
  return sizes;
}

function checkSizes(manifest, selection, sizes, place) {
  const id = selection.get('id');
  const announced = manifest.get('sizes').get(id) || new Map();
  for (const level of ascending(sizes.keys())) {
    const rule = selection.get('rules').get(level);
    if (rule === undefined) {
      refuse(`${place}.selections.${id}.rules`, `类 ${level} 没有规则`, `the class ${level} has no rule`);
    }
    const inside = `${place}.sizes.${id}.${level}`;
    if (!announced.has(level)) refuse(inside, '缺少', 'is missing');
    const [n, drawn] = announced.get(level);
    same(4, `${inside}[0]`, n, sizes.get(level));
    same(4, `${inside}[1]`, drawn, sizeOfClass(rule, n));
  }
  for (const level of announced.keys()) {
    if (!sizes.has(level)) refuse(`${place}.sizes.${id}.${level}`, '抽样框中没有这一类', 'the frame has no such class');
  }
}

/** Check what can be seen of the announced sizes without the frame. */
export function checkSizesAlone(manifest, place) {
  const rules = new Map(manifest.get('selections').map((one) => [one.get('id'), one.get('rules')]));
  for (const [id, sizes] of manifest.get('sizes')) {
    const inside = `${place}.sizes.${id}`;
    if (!rules.has(id)) refuse(inside, '没有这项抽取', 'there is no such selection');
    for (const [level, [n, drawn]] of sizes) {
      const rule = rules.get(id).get(level);
      if (n === 0) refuse(`${inside}.${level}`, '空的类不列出', 'a class with nobody is left out');
      if (rule === undefined) {
        refuse(`${place}.selections.${id}.rules`, `类 ${level} 没有规则`, `the class ${level} has no rule`);
      }
      same(4, `${inside}.${level}[1]`, drawn, sizeOfClass(rule, n));
    }
  }
}

/** Give the classes in which everybody, or almost everybody, is known before the draw: n = N or N < 5 (§4). */
export function namedNotDrawn(manifest) {
  const found = [];
  for (const [id, sizes] of manifest.get('sizes')) {
    for (const [level, [n, drawn]] of sizes) {
      if (drawn > 0 && (drawn === n || n < 5)) found.push(`${id} ${level} (${drawn}/${n})`);
    }
  }
  return found;
}

