/** Rosters and recusals (§3), and the teams of every agency in the draw (§12). */
import { ascending, hex, rises, unhex } from './bytes.js';
import { Teams, inOrder, slotsFor } from './teams.js';
import { Differs, same, sameKeys } from './verdict.js';

/** Check that every agency, and nobody else, has teams in the record. */
export function checkTeamsOfAll(manifest, teams) {
  sameKeys(12, 'teams', teams, ascending(manifest.get('agencies').keys()));
}

/** Check the full edition's rosters against what the manifest announced. */
export function checkRosters(hashing, manifest, teams) {
  for (const agency of ascending(teams.keys())) {
    const team = teams.get(agency);
    const announced = manifest.get('rosters').get(agency);
    const place = `teams.${agency}`;
    checkOrder(team, place);
    if (announced === undefined) {
      if (team.get('roster').size > 0 || team.get('recused').length > 0) {
        throw new Differs(3, `${place}.roster`, '抽取清单没有公布这份名册', 'the manifest announces no such roster');
      }
      continue;
    }
    const inside = `manifest.rosters.${agency}`;
    const rho = unhex(team.get('rho'));
    same(3, `${inside}.roster`, announced.get('roster'), hex(hashing.thOf('roster', rho, team.get('roster'))));
    same(3, `${inside}.recusals`, announced.get('recusals'), hex(hashing.thOf('recusals', rho, team.get('recused'))));
    checkCounts(team, announced, inside);
  }
}

function checkOrder(team, place) {
  for (const [pid, [labels]] of team.get('roster')) {
    if (!rises(labels, true)) {
      throw new Differs(3, `${place}.roster.${pid}`, '资质标签未按升序排列', 'the labels are not in ascending order');
    }
  }
  if (!rises(team.get('recused').map((pair) => pair.join(' ')))) {
    throw new Differs(3, `${place}.recused`, '回避未按升序排列，或有重复', 'are not in ascending order, or one comes twice');
  }
}

function checkCounts(team, announced, place) {
  const entries = [...team.get('roster').values()];
  const holders = new Map();
  for (const [labels] of entries) for (const label of new Set(labels)) holders.set(label, (holders.get(label) || 0) + 1);
  const recusals = new Map();
  for (const [pid] of team.get('recused')) recusals.set(pid, (recusals.get(pid) || 0) + 1);

  same(3, `${place}.inspectors`, announced.get('inspectors'), entries.length);
  sameKeys(3, `${place}.labels`, announced.get('labels'), ascending(holders.keys()));
  for (const [label, count] of holders) same(3, `${place}.labels.${label}`, announced.get('labels').get(label), count);
  const capacity = entries.reduce((sum, [, cap]) => sum + cap, 0);
  same(3, `${place}.capacity`, announced.get('capacity'), capacity);
  same(3, `${place}.recused`, announced.get('recused'), team.get('recused').length);
  same(3, `${place}.most_recused`, announced.get('most_recused'), [...recusals.values()].reduce((a, b) => Math.max(a, b), 0));
}

/** Give the slots of a target of an agency, or refuse where the manifest has none for its stratum. */
export function slotsOf(manifest, agency, stratum) {
  const slots = slotsFor(manifest.get('slots').get(agency) || new Map(), stratum);
  if (slots === null) {
    throw new Differs(12, `manifest.slots.${agency}`, `层 ${stratum} 没有名额`, `has no slots for the stratum ${stratum}`);
  }
  return slots;
}

/** Check the teams of every agency; `stratumOf(id)` is what the frame, or the selection, says. */
export function checkTeams({ hashing, seed, manifest, record, work, stratumOf, steps }) {
  const full = record.get('edition') === 'full';
  const teams = record.get('teams');
  for (const agency of ascending(teams.keys())) {
    const team = teams.get(agency);
    const assigned = team.get('assigned');
    const place = `teams.${agency}.assigned`;
    const targets = work.get(agency) || new Map();
    const key = hashing.key(seed, 'team', agency);
    sameKeys(12, place, assigned, targets.keys());
    const due = full ? new Teams(hashing, key, team.get('roster'), team.get('recused'), steps) : null;
    for (const id of targets.keys()) {
      const slots = slotsOf(manifest, agency, stratumOf(id));
      wholeTeam(12, slots, assigned.get(id), `${place}.${id}`);
      if (full) due.add(id, slots);
      else orderly(12, hashing, key, id, slots, assigned.get(id), `${place}.${id}`);
    }
    if (!full) continue;
    due.assign();
    for (const [id, pids] of due.assigned()) sameTeam(12, `${place}.${id}`, assigned.get(id), pids);
  }
}

/** Compare two teams, pids by slot. */
export function sameTeam(section, place, recorded, due) {
  same(section, `${place} (slots)`, recorded.length, due.length);
  recorded.forEach((pid, i) => same(section, `${place}[${i}]`, pid, due[i]));
}

/** Check what can be seen of a team without the roster: the order of the people within equal slots (§12 V). */
export function orderly(section, hashing, key, id, slots, team, place) {
  const due = inOrder(hashing, key, id, slots, team);
  if (due.some((pid, i) => pid !== team[i])) {
    throw new Differs(section, place, '组内顺序不对', 'the people do not stand in the drawn order');
  }
}

/** Check that a team has a place for every slot and nobody twice. */
export function wholeTeam(section, slots, team, place) {
  same(section, `${place} (slots)`, team.length, slots.length);
  const people = team.filter((pid) => pid !== null);
  if (new Set(people).size < people.length) {
    throw new Differs(section, place, '同一人出现两次', 'holds somebody twice');
  }
}
