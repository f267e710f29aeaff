/** Replacement and drop-out rounds (§11): what was asked, who signed, what was revealed, sealed, thrown and drawn. */
import { announcedSources, broughtBeacons } from './beacons.js';
import { ascending, hex, rises } from './bytes.js';
import { orderly, sameTeam, slotsOf, wholeTeam } from './rosters.js';
import { checkReplacements, checkWork, drawReplacements, workOf } from './selection.js';
import { Teams } from './teams.js';
import { Differs, same, sameKeys } from './verdict.js';
import { resultDigest, visitsRoot } from './visits.js';

const BEFORE_BEACON = 600; // seconds between a round's last seal and its beacon

function refuse(place, zh, en) {
  throw new Differs(11, place, zh, en);
}

/** The draw as it stands after the rounds so far. */
export class Standing {
  /** `kinds` is {id: kind} of everybody drawn. */
  constructor(record, manifest, kinds, seed) {
    this.kinds = kinds;
    this.seed = seed;
    this.beaconTime = manifest.get('times').get('beacon_time');
    this.removals = 0;
    this.opened = []; // announced beacons whose values are known
    this.current = new Map(); // selection → {id: stratum}
    this.barred = new Map(); // selection → ids that may not be drawn in it again
    for (const [selection, strata] of record.get('selected')) {
      const ids = new Map();
      for (const [stratum, list] of strata) for (const id of list) ids.set(id, stratum);
      this.current.set(selection, ids);
      this.barred.set(selection, new Set(ids.keys()));
    }
    this.teams = new Map();
    this.rosters = new Map();
    this.recused = new Map();
    for (const [agency, team] of record.get('teams')) {
      this.teams.set(agency, team.get('assigned'));
      this.rosters.set(agency, team.get('roster'));
      this.recused.set(agency, [...(team.get('recused') || [])]);
    }
  }

  isSelected(id) {
    for (const ids of this.current.values()) if (ids.has(id)) return true;
    return false;
  }

  /** Take ids out of every selection; gives {selection: {stratum: how many went}}. */
  remove(ids) {
    const gone = new Map();
    for (const [selection, current] of this.current) {
      for (const id of ids) {
        this.barred.get(selection).add(id);
        if (!current.has(id)) continue;
        const stratum = current.get(id);
        if (!gone.has(selection)) gone.set(selection, new Map());
        gone.get(selection).set(stratum, (gone.get(selection).get(stratum) || 0) + 1);
        current.delete(id);
      }
    }
    this.removals += ids.length;
    return gone;
  }

  admit({ selection, stratum, drawn }) {
    for (const { id, kind } of drawn) {
      this.current.get(selection).set(id, stratum);
      this.barred.get(selection).add(id);
      this.kinds.set(id, kind);
    }
  }
}

/** Check all rounds of a record, closed and spent, in the order of their numbers. */
export async function checkRounds(context) {
  const { record, manifest } = context;
  const all = [];
  for (const part of ['replacements', 'spent']) {
    const entries = record.get(part);
    entries.forEach((entry, i) => {
      if (i > 0 && entries[i - 1].get('round') >= entry.get('round')) {
        refuse(part, '未按轮次升序排列', 'is not in ascending order of its rounds');
      }
      all.push({ entry, place: `${part}[${i}]`, closed: part === 'replacements' });
    });
  }
  all.sort((a, b) => a.entry.get('round') - b.entry.get('round'));
  all.forEach(({ entry }, i) => same(11, `replacements and spent (rounds)[${i}]`, entry.get('round'), i + 1));
  const state = context.standing;
  state.opened.push(...manifest.get('beacons'));
  for (const { entry, place, closed } of all) {
    if (entry.get('round') > manifest.get('chain_len')) {
      refuse(`${place}.round`, `轮次超过链长 ${manifest.get('chain_len')}`, `is more than chain_len ${manifest.get('chain_len')}`);
    }
    const rho = entry.get('rho');
    checkRequest(context, rho, `${place}.rho`);
    const d = context.hashing.thOf('removal', context.m, entry.get('round'), rho);
    checkSignatures(context, entry, d, place, closed);
    if (closed) await closeRound(context, entry, d, place);
  }
}

function checkRequest({ manifest, standing }, rho, place) {
  const removed = rho.get('removed');
  const dropouts = rho.get('dropouts');
  if (removed.length + dropouts.length === 0) refuse(place, '没有任何请求', 'asks for nothing');
  if (!rises(removed.map((one) => one.get('id')))) {
    refuse(`${place}.removed`, '未按标识升序排列，或有重复', 'is not in ascending order, or one comes twice');
  }
  if (!rises(dropouts.map((one) => `${one.get('agency')}\t${one.get('inspector')}\t${one.get('id')}`))) {
    refuse(`${place}.dropouts`, '未按部门、人员、对象升序排列，或有重复', 'is not in ascending order, or one comes twice');
  }
  checkRequestTimes(rho.get('times'), standing, place);
  announcedSources(11, manifest, rho.get('beacons'), rho.get('times').get('beacon_time'), place);
  rho.get('beacons').forEach((source, i) => refuseOpened(source, standing.opened, `${place}.beacons[${i}]`));
  const reasons = new Set(manifest.get('replacement').get('reasons'));
  for (const [part, entries] of [['removed', removed], ['dropouts', dropouts]]) {
    entries.forEach((entry, i) => {
      if (!reasons.has(entry.get('reason'))) refuse(`${place}.${part}[${i}].reason`, '不是抽取清单列出的理由', 'is no reason of the manifest');
    });
  }
  const going = new Set(removed.map((one) => one.get('id')));
  removed.forEach((one, i) => {
    if (!standing.isSelected(one.get('id'))) refuse(`${place}.removed[${i}].id`, '此时并未被抽中', 'is not selected at this time');
  });
  if (standing.removals + removed.length > manifest.get('replacement').get('max')) {
    refuse(`${place}.removed`, '超过允许的替换数', 'are more removals than the manifest allows');
  }
  dropouts.forEach((one, i) => {
    if (going.has(one.get('id'))) refuse(`${place}.dropouts[${i}].id`, '对象在同一轮被移出', 'is removed in the same round');
    const team = (standing.teams.get(one.get('agency')) || new Map()).get(one.get('id')) || [];
    if (!team.includes(one.get('inspector'))) refuse(`${place}.dropouts[${i}]`, '此时并未派往该对象', 'is not assigned there at this time');
  });
}

function checkRequestTimes(times, standing, place) {
  if (times.get('seal_by') < standing.beaconTime) {
    refuse(`${place}.times.seal_by`, '早于前一次随机源的规定时间', 'is before the beacon_time before it');
  }
  if (times.get('seal_by') > times.get('beacon_time') - BEFORE_BEACON) {
    refuse(`${place}.times.beacon_time`, '距封存不足 600 秒', 'is less than 600 s after the seal');
  }
}

/** Refuse a beacon whose value was known before: a lottery issue used already, a link of a chain opened already. */
function refuseOpened(source, opened, place) {
  const id = source.get('id');
  for (const known of opened) {
    if (id.startsWith('lottery:') && known.get('id') === id && known.get('round') === source.get('round')) {
      refuse(`${place}.round`, '这一期已经用过', 'this issue was used before');
    }
    if (id.startsWith('chain:') && known.get('anchor') === source.get('anchor') && source.get('index') <= known.get('index')) {
      refuse(`${place}.index`, '这一环已经公开', 'this link was opened before');
    }
  }
}

function checkSignatures({ manifest, hashing, ceremony, standing }, entry, d, place, closed) {
  const signatures = entry.get('signatures');
  const message = hashing.th('removal-msg', d);
  const inside = `${place}.signatures`;
  for (const name of ascending(signatures.keys())) {
    if (!manifest.get('agencies').has(name) && !(name === 'witness' && ceremony.witness !== null)) {
      refuse(`${inside}.${name}`, '不是参与方', 'is signed by nobody of this draw');
    }
  }
  for (const name of closed ? signersNeeded(manifest, ceremony, standing, entry.get('rho')) : []) {
    if (!signatures.has(name)) refuse(`${inside}.${name}`, '缺少', 'is missing');
  }
  const agencies = [...signatures.keys()].filter((name) => name !== 'witness').length;
  const least = Math.min(2, ceremony.agencies.length);
  if (closed && agencies < least) refuse(inside, `至少 ${least} 个部门签名`, `at least ${least} agencies sign`);
  for (const name of ascending(signatures.keys())) ceremony.signed(11, name, message, signatures.get(name), `${inside}.${name}`);
}

function signersNeeded(manifest, ceremony, standing, rho) {
  const needed = new Set();
  if (ceremony.witness !== null) needed.add('witness');
  for (const one of rho.get('removed')) {
    for (const line of standing.kinds.get(one.get('id')).lines) needed.add(manifest.get('lines').get(line));
  }
  for (const one of rho.get('dropouts')) needed.add(one.get('agency'));
  return ascending(needed);
}

async function closeRound(context, entry, d, place) {
  const { hashing, standing, manifest, frame } = context;
  const seed = checkCeremony(context, entry, d, place);
  const rho = entry.get('rho');
  const gone = standing.remove(rho.get('removed').map((one) => one.get('id')));
  const found = await drawReplacements(frame, hashing, seed, manifest, gone, (selection) => standing.barred.get(selection));
  checkReplacements(entry.get('selected'), found, `${place}.selected`);
  for (const one of found) standing.admit(one);

  const drawn = new Map([...standing.current].map(([selection, ids]) => [selection, ids.keys()]));
  const work = workOf(manifest, drawn, (id) => standing.kinds.get(id).lines);
  checkWork(11, entry.get('work'), work, `${place}.work`);
  checkRoundTeams(context, entry, work, seed, place);
  const root = visitsRoot(hashing, seed, work, entry.get('teams'));
  same(11, `${place}.visits_root`, entry.get('visits_root'), root);
  const digest = resultDigest(hashing, seed, entry.get('selected'), entry.get('teams'), root);
  same(11, `${place}.result_digest`, entry.get('result_digest'), digest);

  standing.seed = seed;
  standing.teams = entry.get('teams');
  standing.beaconTime = rho.get('times').get('beacon_time');
  standing.opened.push(...rho.get('beacons'));
}

/** Check a round's reveals, seal and beacons; gives its seed. */
function checkCeremony({ hashing, ceremony, m, record, standing }, entry, d, place) {
  const rho = entry.get('rho');
  const reveals = entry.get('reveals');
  const parts = ceremony.reveals(11, {
    m, reveals, commits: record.get('commits'), place: `${place}.reveals`, links: entry.get('round'),
    message: (name, value) => hashing.th('reveal-msg', d, name, value),
  });
  ceremony.enoughReveals(11, reveals, `${place}.reveals`);
  const rd = hashing.th('reveals', m, d, ...parts);
  const latest = rho.get('times').get('seal_by');
  ceremony.seal(11, entry.get('seal'), `${place}.seal`, rd, [0, latest], (t) => hashing.th('seal', d, rd, t));
  const beacons = broughtBeacons(11, {
    sources: rho.get('beacons'), brought: entry.get('beacons'), place: `${place}.beacons`, ceremony, hashing,
    dice: (digits) => hashing.th('dice-msg', d, rd, digits),
  });
  const seed = hashing.th('reseed', standing.seed, d, ...parts, ...beacons);
  same(11, `${place}.seed`, entry.get('seed'), hex(seed));
  return seed;
}

/** Check the teams after a round: standing assignments never move, open slots are filled by §12 I, II and V. */
function checkRoundTeams(context, entry, work, seed, place) {
  const { hashing, manifest, record, standing, steps } = context;
  const full = record.get('edition') === 'full';
  const teams = entry.get('teams');
  sameKeys(11, `${place}.teams`, teams, ascending(manifest.get('agencies').keys()));
  const dropped = openedByDropouts(standing, entry.get('rho').get('dropouts'));
  for (const [agency, targets] of work) {
    const inside = `${place}.teams.${agency}`;
    const recorded = teams.get(agency);
    sameKeys(11, inside, recorded, targets.keys());
    const key = hashing.key(seed, 'team', agency);
    const due = full ? new Teams(hashing, key, standing.rosters.get(agency), standing.recused.get(agency), steps) : null;
    for (const id of targets.keys()) {
      const slots = slotsOf(manifest, agency, standing.kinds.get(id).stratum);
      const before = standing.teams.get(agency).get(id) || null;
      const open = dropped.get(`${agency}\t${id}`) || [];
      if (full) due.add(id, slots, before, open);
      else checkTeamAlone({ hashing, key, id, slots, before, open, team: recorded.get(id), place: `${inside}.${id}` });
    }
    if (!full) continue;
    due.refill();
    for (const [id, pids] of due.assigned()) sameTeam(11, `${inside}.${id}`, recorded.get(id), pids);
  }
}

/** Give {"agency TAB id": slots that drop-outs leave open}; the pairs join the recusals. */
function openedByDropouts(standing, dropouts) {
  const open = new Map();
  for (const one of dropouts) {
    const [agency, id, pid] = [one.get('agency'), one.get('id'), one.get('inspector')];
    const place = `${agency}\t${id}`;
    if (!open.has(place)) open.set(place, []);
    open.get(place).push(standing.teams.get(agency).get(id).indexOf(pid));
    standing.recused.get(agency).push([pid, id]);
  }
  return open;
}

/** The public edition: a new team is as long as its slots and in order, a standing one changes only where one left. */
function checkTeamAlone({ hashing, key, id, slots, before, open, team, place }) {
  wholeTeam(11, slots, team, place);
  if (before === null) {
    orderly(11, hashing, key, id, slots, team, place);
    return;
  }
  sameTeam(11, place, team, before.map((pid, i) => (open.includes(i) ? team[i] : pid)));
  for (const i of open) {
    if (before.includes(team[i]) && team[i] !== null) refuse(`${place}[${i}]`, '退出的人仍在组中', 'somebody who dropped out is still there');
  }
}
