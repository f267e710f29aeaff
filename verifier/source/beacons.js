/**
 * Beacons (§7): what was announced must be bound to come after the seal, what was brought must be what was announced.
 *
 * Signatures of drand (BLS) and results of a lottery cannot be checked on this page; they are named as not checked.
 */
import { hex, latin, unhex } from './bytes.js';
import { Differs, same } from './verdict.js';

const DRAND_GENESIS = 1692803367; // Unix seconds of round 1
const DRAND_PERIOD = 3;
const DIGITS = /^[0-9]*$/;

/** Say what a beacon is by its id. */
function sortOf(source) {
  return source.get('id').split(':', 1)[0];
}

/**
 * Check announced beacons.
 *
 * `section` is where a difference belongs (7, in a round 11), `ifNone` that of a live draw without any.
 */
export function announcedSources(section, manifest, sources, beaconTime, place, ifNone = section) {
  const agencies = manifest.get('agencies');
  if (sources.length === 0 && manifest.get('purpose') === 'live') {
    throw new Differs(ifNone, `${place}.beacons`, '正式抽取必须有随机源', 'a live draw needs a beacon');
  }
  sources.forEach((source, i) => {
    const inside = `${place}.beacons[${i}]`;
    if (sortOf(source) === 'chain') {
      if (sources.length < 2) throw new Differs(section, inside, '哈希链须另有一个随机源', 'a chain needs another beacon beside it');
      if (agencies.has(source.get('id').slice('chain:'.length))) {
        throw new Differs(section, `${inside}.id`, '哈希链由参与部门持有', 'the chain is held by an agency');
      }
    }
    if (sortOf(source) === 'drand-quicknet' && !drandComesAfter(source.get('round'), beaconTime)) {
      throw new Differs(section, `${inside}.round`, '这一轮在规定时间之前就已公布', 'this round is out before the beacon time');
    }
  });
}

function drandComesAfter(round, beaconTime) {
  return BigInt(DRAND_GENESIS) + BigInt(DRAND_PERIOD) * (BigInt(round) - 1n) >= BigInt(beaconTime);
}

/**
 * Check the beacons that were brought and give the parts they add to the seed: id, round, value of each.
 *
 * `dice(digits)` gives the message that dice are signed over; `ceremony` checks seals and names what is not checked.
 */
export function broughtBeacons(section, { sources, brought, place, dice, ceremony, hashing }) {
  same(section, `${place} (number)`, brought.length, sources.length);
  const parts = [];
  sources.forEach((source, i) => {
    const beacon = brought[i];
    const inside = `${place}[${i}]`;
    same(section, `${inside}.id`, beacon.get('id'), source.get('id'));
    same(section, `${inside}.round`, beacon.get('round'), source.get('round'));
    const value = unhex(beacon.get('value'));
    checkValue(section, source, value, `${inside}.value`, hashing, ceremony.steps);
    checkProof(section, source, beacon, value, inside, dice, ceremony);
    parts.push(source.get('id'), source.get('round'), value);
  });
  return parts.length > 0 ? parts : [null, null, null];
}

function checkValue(section, source, value, place, hashing, steps) {
  const refuse = (zh, en) => {
    throw new Differs(section, place, zh, en);
  };
  const sort = sortOf(source);
  if (sort === 'room-dice' || sort === 'lottery') {
    const due = sort === 'lottery' ? source.get('digits') : source.get('round');
    if (value.length !== due || !DIGITS.test(latin(value))) refuse(`应为 ${due} 位数字`, `must be ${due} digits`);
  } else if (sort === 'drand-quicknet') {
    if (value.length !== 48) refuse('应为 48 字节', 'must be 48 bytes');
  } else {
    if (value.length !== 32) refuse('应为 32 字节', 'must be 32 bytes');
    steps.take(100 * source.get('index'));
    const reached = hex(hashing.chain(value, source.get('index')));
    if (reached !== source.get('anchor')) refuse('不能通到公布的锚点', 'does not lead to the announced anchor');
  }
}

function checkProof(section, source, beacon, value, place, dice, ceremony) {
  const sort = sortOf(source);
  const proof = beacon.get('proof');
  if (sort === 'room-dice') {
    if (proof === undefined) throw new Differs(section, `${place}.proof`, '骰子点数没有签名', 'nobody signed the dice');
    ceremony.sealedBy(section, proof, `${place}.proof`, dice(value));
    return;
  }
  if (proof !== undefined) {
    ceremony.notChecked(`${place}.proof：第 7 节没有规定这种证明`, `${place}.proof: section 7 defines none here`);
  }
  if (sort === 'drand-quicknet') {
    ceremony.notChecked(`${place}：drand 的 BLS 签名`, `${place}: the BLS signature of drand`);
  } else if (sort === 'lottery') {
    ceremony.notChecked(`${place}：彩票开奖结果`, `${place}: the lottery's result`);
  }
}
