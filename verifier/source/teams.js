/**
 * Teams (§12): which officers go to which target, for one agency.
 *
 * Inspectors and slots are numbers here: inspectors in ascending order of their ids, slots in slot order, so that
 * "smallest id" and "in slot order" are comparisons of numbers. What the searches skip because an earlier search
 * failed there (`dead`) cannot change what they find: from what a failed search reached, nothing else is reached, and
 * as long as nobody in it gains room or a slot, nothing in it can succeed.
 */
import { Heap } from './heap.js';

const OPEN = -1;

/** Give the slots of a target: of its stratum, else of its class, else of the agency; or null. */
export function slotsFor(ofAgency, stratum) {
  for (const place of [stratum, stratum.split('/', 1)[0], '']) if (ofAgency.has(place)) return ofAgency.get(place);
  return null;
}

/** Write a set of labels so that equal sets are equal text. */
export function labelSet(labels) {
  return [...new Set(labels)].sort().join(',');
}

/** Give h(x) of one agency's key, as text that compares as the bytes do. */
function hasherOf(hashing, key) {
  const hasher = hashing.begin();
  return (text) => hasher.reset().updateAscii(key).updateAscii('|').updateAscii(text).finish().asText();
}

/**
 * Step V for one target: among slots of equal label sets, inspectors in ascending order of h("s|" target "|" inspector).
 *
 * `team` is pids by slot, null where open; gives the team as it has to stand.
 */
export function inOrder(hashing, key, target, slots, team) {
  const h = hasherOf(hashing, key);
  const ordered = [...team];
  const groups = new Map();
  slots.forEach((labels, i) => {
    const name = labelSet(labels);
    if (!groups.has(name)) groups.set(name, []);
    groups.get(name).push(i);
  });
  for (const places of groups.values()) {
    const people = places.map((i) => team[i]).filter((pid) => pid !== null);
    const ranked = people.map((pid) => ({ pid, at: h(`s|${target}|${pid}`) })).sort((a, b) => (a.at < b.at ? -1 : 1));
    places.forEach((slot, i) => {
      ordered[slot] = i < ranked.length ? ranked[i].pid : null;
    });
  }
  return ordered;
}

/** The officers who hold a set of labels, and those of them who could take a slot next. */
class LabelPool {
  constructor(members) {
    this.members = members; // in rank order
    this.alive = members; // without those that no search can get past
    this.heap = new Heap();
  }
}

/** The matching of one agency. */
export class Teams {
  /**
   * `roster` is {pid: [labels, cap, base load]}, `recused` an iterable of [pid, target]; `key` is key(seed, "team", a).
   */
  constructor(hashing, key, roster, recused, steps) {
    this.hashing = hashing;
    this.key = key;
    this.h = hasherOf(hashing, key);
    this.steps = steps;
    this.pids = [...roster.keys()].sort();
    this.numberOf = new Map(this.pids.map((pid, i) => [pid, i]));
    const entries = this.pids.map((pid) => roster.get(pid));
    const least = entries.reduce((smallest, [, , base]) => Math.min(smallest, base), Infinity);
    this.labels = entries.map(([labels]) => new Set(labels));
    this.cap = entries.map(([, cap]) => cap);
    this.visits = entries.map(() => 0);
    this.load = entries.map(([, , base]) => Math.min(base - least, 1));
    this.held = entries.map(() => []); // slots of each inspector
    this.recused = new Map(); // target → set of inspectors
    for (const [pid, target] of recused) this.recuse(pid, target);
    this.targets = new Map(); // id → {id, slots, team}
    this.pools = new Map();
    this.slots = []; // {target, index, pool}, open ones in slot order
    this.augmentations = 0;
    this.levellings = 0;
  }

  recuse(pid, target) {
    if (!this.recused.has(target)) this.recused.set(target, new Set());
    this.recused.get(target).add(this.numberOf.get(pid));
  }

  /**
   * Add a target whose slots are all open or, in a round, with a team that stands (pids by slot) and the indices in it
   * that drop-outs left open.
   */
  add(id, slots, team = null, open = []) {
    const target = { id, slots, holders: slots.map(() => OPEN), fresh: team === null, at: this.h(`t|${id}`), ours: [] };
    this.targets.set(id, target);
    slots.forEach((labels, index) => {
      if (team === null || open.includes(index)) {
        this.slots.push({ target, index, pool: this.poolOf(labels) });
      } else if (team[index] !== null) {
        const inspector = this.numberOf.get(team[index]);
        target.holders[index] = inspector;
        if (inspector !== undefined) this.carry(inspector, 1);
      }
    });
  }

  carry(inspector, visits) {
    this.visits[inspector] += visits;
    this.load[inspector] += visits;
  }

  hasRoom(inspector) {
    return this.visits[inspector] < this.cap[inspector];
  }

  poolOf(labels) {
    const name = labelSet(labels);
    if (!this.pools.has(name)) {
      if (this.ranked === undefined) this.ranked = this.byRank();
      const members = this.ranked.filter((i) => labels.every((label) => this.labels[i].has(label)));
      this.pools.set(name, new LabelPool(members));
    }
    return this.pools.get(name);
  }

  byRank() {
    const at = this.pids.map((pid) => this.h(`o|${pid}`));
    return at.map((_, i) => i).sort((a, b) => (at[a] < at[b] ? -1 : 1));
  }

  /** Fill all slots of a draw: I to III, slot by slot, then IV; `assigned` does V. */
  assign() {
    this.sortSlots();
    this.fillHeaps();
    this.forgetDead();
    const roomy = (i) => this.hasRoom(i);
    this.slots.forEach((_, slot) => {
      if (!this.takeBest(slot) && this.search([slot], roomy)) this.augmentations += 1;
    });
    this.level();
  }

  /** Fill the open slots of a round: I and II only, standing assignments never move (§11). */
  refill() {
    this.sortSlots();
    this.fillHeaps();
    this.slots.forEach((_, slot) => this.takeBest(slot));
  }

  sortSlots() {
    this.slots.sort((a, b) => {
      const pools = a.pool.members.length - b.pool.members.length;
      if (pools !== 0) return pools;
      if (a.target !== b.target) return a.target.at < b.target.at ? -1 : 1;
      return a.index - b.index;
    });
    this.slots.forEach((slot, number) => slot.target.ours.push(number));
    this.holder = new Int32Array(this.slots.length).fill(OPEN);
    this.reached = new Int32Array(this.slots.length);
    this.parentSlot = new Int32Array(this.slots.length);
    this.parentTaker = new Int32Array(this.slots.length);
    this.marked = new Int32Array(this.pids.length);
    this.turn = 0;
  }

  fillHeaps() {
    this.poolsOf = this.pids.map(() => []);
    for (const pool of this.pools.values()) for (const i of pool.members) this.poolsOf[i].push(pool);
    this.pids.forEach((_, i) => this.offer(i));
  }

  /** Put an inspector with room into the heaps, under the load and card of now. */
  offer(inspector) {
    if (!this.hasRoom(inspector)) return;
    const load = this.load[inspector];
    const item = { load, card: this.h(`i|${this.pids[inspector]}|${load}`), inspector };
    for (const pool of this.poolsOf[inspector]) pool.heap.push(item);
    this.steps.take(100 + 10 * this.poolsOf[inspector].length);
  }

  /** Step II: the smallest (load, card, id) with room, not recused, not in the team; false where there is none. */
  takeBest(slot) {
    const { target, pool } = this.slots[slot];
    const recused = this.recused.get(target.id);
    const aside = [];
    let taker = OPEN;
    while (taker === OPEN && pool.heap.items.length > 0) {
      const item = pool.heap.pop();
      const i = item.inspector;
      this.steps.take(30);
      if (item.load !== this.load[i] || !this.hasRoom(i)) continue; // said of an earlier moment
      aside.push(item);
      if (!(recused && recused.has(i)) && !this.inTeam(i, target)) taker = i;
    }
    for (const item of aside) if (item.inspector !== taker) pool.heap.push(item);
    if (taker === OPEN) return false;
    this.give(slot, taker);
    this.carry(taker, 1);
    this.offer(taker);
    return true;
  }

  inTeam(inspector, target) {
    return target.holders.includes(inspector);
  }

  give(slot, inspector) {
    const { target, index } = this.slots[slot];
    const former = this.holder[slot];
    if (former !== OPEN) this.held[former].splice(this.held[former].indexOf(slot), 1);
    this.holder[slot] = inspector;
    target.holders[index] = inspector;
    this.held[inspector].push(slot);
  }

  /**
   * The search of steps III and IV, breadth first from `roots`.
   *
   * In step IV the roots are held by inspectors of load `heavy`, who count as marked; what came to be held by somebody
   * else is a root no more. On success the path is applied, and the last inspector's load grows.
   */
  search(roots, succeeds, heavy = null) {
    this.turn += 1;
    this.heavy = heavy;
    this.queue = [];
    this.met = [];
    this.left = new Map(); // pool → members not marked yet
    for (let next = 0; next < roots.length + this.queue.length; next += 1) {
      const isRoot = next < roots.length;
      const slot = isRoot ? roots[next] : this.queue[next - roots.length];
      if (isRoot) {
        if (this.dead[slot] === 1 || (heavy !== null && this.load[this.holder[slot]] !== heavy)) continue;
        this.reached[slot] = this.turn;
        this.parentSlot[slot] = OPEN;
      }
      const taker = this.explore(slot, succeeds);
      if (taker !== OPEN) {
        this.apply(slot, taker);
        return true;
      }
    }
    this.bury(roots);
    return false;
  }

  reach(slot, from, taker) {
    if (this.reached[slot] === this.turn || this.dead[slot] === 1) return;
    this.reached[slot] = this.turn;
    this.parentSlot[slot] = from;
    this.parentTaker[slot] = taker;
    this.queue.push(slot);
  }

  /** Walk the pool of one slot in rank order; gives the inspector with whom the search succeeds, or OPEN. */
  explore(slot, succeeds) {
    const { target, pool } = this.slots[slot];
    const recused = this.recused.get(target.id);
    const members = this.left.get(pool) || pool.alive;
    const left = [];
    this.left.set(pool, left);
    this.steps.take(members.length + 10);
    for (const i of members) {
      if (this.marked[i] === this.turn || this.gone[i] === 1) continue;
      if (this.load[i] === this.heavy || (recused && recused.has(i))) {
        left.push(i);
      } else if (this.inTeam(i, target)) {
        left.push(i);
        this.reach(target.ours.find((w) => this.holder[w] === i), slot, i);
      } else {
        this.marked[i] = this.turn;
        this.met.push(i);
        if (succeeds(i)) return i;
        this.steps.take(10 * this.held[i].length);
        for (const v of this.held[i].sort((a, b) => a - b)) this.reach(v, slot, i);
      }
    }
    return OPEN;
  }

  apply(slot, taker) {
    let u = slot;
    let i = taker;
    for (;;) {
      const [before, mover] = [this.parentSlot[u], this.parentTaker[u]];
      const former = this.holder[u];
      this.give(u, i);
      if (before === OPEN) {
        if (former !== OPEN) this.carry(former, -1); // step IV: the root's holder is relieved
        break;
      }
      [u, i] = [before, mover];
    }
    this.carry(taker, 1);
    this.offer(taker);
  }

  /** Remember what a failed search reached: no later one needs to look there. */
  bury(roots) {
    for (const slots of [roots, this.queue]) {
      for (const slot of slots) if (this.reached[slot] === this.turn) this.dead[slot] = 1;
    }
    for (const i of this.met) this.gone[i] = 1;
    for (const [pool, left] of this.left) pool.alive = left;
  }

  forgetDead() {
    this.dead = new Uint8Array(this.slots.length);
    this.gone = new Uint8Array(this.pids.length);
    for (const pool of this.pools.values()) pool.alive = pool.members;
  }

  /**
   * Step IV.
   *
   * After a success the protocol starts again at the largest load. The loads above the one that succeeded failed
   * before, and what they reached is as it was, so they would fail again: it is enough to stay at this load until it
   * fails too, and then to go down.
   */
  level() {
    this.forgetDead();
    for (let load = this.largestBelow(Infinity); load > -Infinity; load = this.largestBelow(load)) {
      if (load < this.leastWithRoom() + 2) return;
      const heavy = this.load.map((_, i) => i).filter((i) => this.load[i] === load);
      const roots = heavy.map((i) => this.held[i]).flat().sort((a, b) => a - b);
      this.steps.take(20 * roots.length + 3 * this.pids.length);
      const succeeds = (i) => this.load[i] <= load - 2 && this.hasRoom(i);
      while (this.search(roots, succeeds, load)) {
        this.steps.take(roots.length);
        this.levellings += 1;
      }
      for (const i of heavy) if (this.load[i] === load) this.gone[i] = 1;
    }
  }

  largestBelow(bound) {
    return this.load.reduce((largest, load) => (load < bound && load > largest ? load : largest), -Infinity);
  }

  leastWithRoom() {
    return this.load.reduce((least, load, i) => (load < least && this.hasRoom(i) ? load : least), Infinity);
  }

  /** Give {target: pids by slot}, after step V for targets whose slots were all open. */
  assigned() {
    const teams = new Map();
    for (const [id, target] of this.targets) {
      const team = target.holders.map((i) => (i === OPEN ? null : this.pids[i]));
      teams.set(id, target.fresh ? inOrder(this.hashing, this.key, id, target.slots, team) : team);
    }
    return teams;
  }
}
