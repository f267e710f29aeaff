/** What a verification found, in both languages. Pairs are {zh, en}. */
import { plainText } from './verdict.js';
import { namedNotDrawn } from './manifest.js';

export const SECTIONS = {
  1: ['记法', 'Notation'],
  2: ['抽样框', 'Frame'],
  3: ['名册与回避', 'Rosters and recusals'],
  4: ['抽取清单', 'Manifest'],
  5: ['承诺', 'Commitments'],
  6: ['揭示与封存', 'Reveals and seal'],
  7: ['随机源与种子', 'Beacon and seed'],
  8: ['抽签号', 'Tickets'],
  9: ['配额', 'Quotas'],
  10: ['抽取结果与任务单', 'Selection and work list'],
  11: ['替换轮次', 'Replacement rounds'],
  12: ['检查组', 'Teams'],
  13: ['结果摘要', 'Result digest'],
  14: ['记录', 'Record'],
};

/** The names of the exit codes of §14. */
export const VERDICTS = ['accepted', 'refused', 'unreadable', 'not checked'];

export class Report {
  constructor() {
    this.checked = new Set();
    this.unchecked = [];
    this.notHeld = [];
    this.restsOn = [];
    this.facts = {};
    this.difference = null;
    this.unreadable = null;
  }

  /** Note something that could not be checked here, once. */
  notChecked(zh, en) {
    if (!this.unchecked.some((one) => one.en === en)) this.unchecked.push({ zh: plainText(zh), en: plainText(en) });
  }

  /** What differs weighs more than what could not be checked. */
  get exit() {
    if (this.unreadable !== null) return 2;
    if (this.difference !== null) return 1;
    return this.unchecked.length > 0 ? 3 : 0;
  }

  /** Give the report as plain data. */
  asData() {
    const { difference, unreadable, exit } = this;
    return {
      exit,
      verdict: VERDICTS[exit],
      difference: difference && { section: difference.section, place: difference.place, zh: difference.zh, en: difference.en },
      unreadable: unreadable && { zh: unreadable.zh, en: unreadable.en },
      checked: [...this.checked].sort((a, b) => a - b),
      unchecked: this.unchecked,
      notHeld: exit === 0 || exit === 3 ? this.notHeld : [],
      restsOn: exit === 0 || exit === 3 ? this.restsOn : [],
      facts: this.facts,
    };
  }
}

/** Write Unix seconds as a moment in China. */
export function moment(seconds) {
  const date = new Date((seconds + 8 * 3600) * 1000);
  return Number.isNaN(date.getTime()) ? `${seconds}` : `${date.toISOString().slice(0, 19).replace('T', ' ')} (UTC+8)`;
}

/** Name what the record is about. */
export function factsOf(record) {
  const manifest = record.get('manifest');
  const rounds = record.get('replacements');
  const ids = new Set();
  for (const strata of record.get('selected').values()) for (const list of strata.values()) for (const id of list) ids.add(id);
  return {
    draw: manifest.get('draw'),
    attempt: manifest.get('attempt'),
    purpose: manifest.get('purpose'),
    edition: record.get('edition'),
    hash: manifest.get('hash'),
    agencies: [...manifest.get('agencies').keys()].sort(),
    entities: manifest.get('frame').get('n'),
    shards: manifest.get('frame').get('shards').length,
    targets: ids.size,
    rounds: rounds.length,
    sealedAt: moment(record.get('seal').get('at')),
    manifestDigest: record.get('manifest_digest'),
    head: rounds.length > 0 ? rounds[rounds.length - 1].get('result_digest') : record.get('result_digest'),
  };
}

/** Name what this edition does not hold. */
export function namesWhatIsNotHeld(report, record) {
  const add = (zh, en) => report.notHeld.push({ zh: plainText(zh), en: plainText(en) });
  const manifest = record.get('manifest');
  if (record.get('edition') === 'public') {
    add('§12：名册与回避只在完整版中，检查组只核对到人数与顺序', '§12: rosters and recusals are in the full edition; of the teams only size and order were checked');
  }
  const parent = manifest.get('parent');
  if (parent !== null) {
    add(`上一阶段的记录 ${parent.get('result')}`, `the record ${parent.get('result')} of the stage before (parent)`);
  }
  for (const digest of manifest.get('base_from')) {
    add(`计入既往任务量的记录 ${digest}`, `the record ${digest} that earlier loads were counted from (base_from)`);
  }
}

/** Say what the result rests on: whose custody, which witness, which beacon, how long the notice. */
export function saysWhatItRestsOn(report, record, keysGiven) {
  const add = (zh, en) => report.restsOn.push({ zh: plainText(zh, 400), en: plainText(en, 400) });
  const manifest = record.get('manifest');
  const named = (names) => (names.length > 0 ? names.join(', ') : '—');
  if (manifest.get('purpose') === 'rehearsal') add('这是演练，不是正式抽取', 'this is a rehearsal, not a live draw');
  keysAndCustody(add, manifest, keysGiven, named);
  const witness = manifest.get('witness');
  if (witness === null) add('没有见证人：由过半部门封存', 'no witness: more than half of the agencies sealed it');
  else add(`见证人：${witness.get('name')}`, `witness: ${witness.get('name')}`);
  const beacons = manifest.get('beacons').map((one) => one.get('id'));
  add(`随机源：${named(beacons.map(inChinese))}`, `beacon: ${named(beacons)}`);
  const times = manifest.get('times');
  notice(add, times.get('commit_close') - times.get('published'));
  const missing = [...manifest.get('agencies').keys()].filter((name) => !record.get('reveals').has(name)).sort();
  if (missing.length > 0) add(`未揭示：${named(missing)}`, `no reveal came from: ${named(missing)}`);
  endedWithoutASeal(add, record);
  const certain = namedNotDrawn(manifest);
  if (certain.length > 0) add(`指定而非抽取：${named(certain)}`, `named, not drawn: ${named(certain)}`);
  const open = openSlots(record);
  if (open > 0) add(`空缺席位 ${open} 个：由单位负责人指定，非抽取`, `open slots: ${open}; who fills them is appointed, not drawn`);
  namesFaults(add, record.get('faults'));
}

/** What a record calls the end of an attempt or round without a seal, and what people call it; other words stay. */
const REASONS = new Map([
  ['commitment missing', '承诺期结束时仍有单位未承诺'],
  ['countersignature missing', '揭示期结束时仍有单位未会签'],
  ['too many reveals missing', '未揭示的单位过多'],
  ['no seal in time', '没有在期限内封存'],
  ['signature missing', '期限内没有全部签名同意'],
  ['campaign cancelled', '联合抽查任务已取消'],
]);

/** Name the attempts and rounds that came to nothing, why, and who was absent. */
function endedWithoutASeal(add, record) {
  const inChinese = (why) => REASONS.get(why) ?? why;
  const attempts = record.get('attempts');
  attempts.slice(-20).forEach((one, index) => {
    const [number, why] = [Math.max(0, attempts.length - 20) + index + 1, one.get('reason')];
    const absent = one.has('absent') ? one.get('absent').join(', ') : '';
    add(`第 ${number} 次抽取作废：${inChinese(why)}${absent ? `（${absent}）` : ''}`, `attempt ${number} ended: ${why} ${absent}`.trimEnd());
  });
  for (const one of record.get('spent').slice(0, 20)) {
    add(`第 ${one.get('round')} 轮替换未成：${inChinese(one.get('reason'))}`, `round ${one.get('round')} removed and drew nothing: ${one.get('reason')}`);
  }
}

/** What a record calls the faults of section 6, and what people call them; of a round its number follows. */
const FAULTS = new Map([
  ['valid reveal not in the seal', '有效的揭示没有列入封存'],
  ['second seal', '同一次抽取出现第二份封存'],
  ['late beacon', '随机源迟到'],
  ['lost data', '数据丢失'],
]);

/** Name what went wrong after the seal, with the digest of what proves it; the draw stands. */
function namesFaults(add, faults) {
  if (faults.length === 0) return;
  add(`记录中的异常：${faults.length} 项，抽取仍然有效`, `faults on the record: ${faults.length}; the draw stands`);
  faults.slice(0, 20).forEach((fault, index) => {
    let zh = fault.get('what');
    let en = zh;
    const [, what, round] = zh.match(/^(.+?)(?:, round ([0-9]{1,16}))?$/) ?? [];
    if (FAULTS.has(what)) zh = FAULTS.get(what) + (round ? `（第 ${round} 轮替换）` : '');
    if (fault.has('who')) { zh += `：${fault.get('who')}`; en += `: ${fault.get('who')}`; }
    if (fault.has('evidence')) { zh += `，证据摘要 ${fault.get('evidence')}`; en += `, evidence ${fault.get('evidence')}`; }
    add(`异常 ${index + 1}：${zh}`, `fault ${index + 1}: ${en}`);
  });
}

/** Name a beacon in Chinese, with its id. */
function inChinese(beacon) {
  const sorts = { 'room-dice': '现场骰子', 'drand-quicknet': 'drand 公共随机源', lottery: '彩票开奖号码', chain: '哈希链' };
  return `${sorts[beacon.split(':', 1)[0]]}（${beacon}）`;
}

function keysAndCustody(add, manifest, keysGiven, named) {
  if (keysGiven) add('公钥：与另行取得的公钥文件一致', 'keys: agree with the keys file from outside the record');
  else add('公钥：取自记录本身；要确认签名者是谁，请另取公钥文件', 'keys: those in the record itself; to know who signed, bring a keys file from elsewhere');
  const who = (custody) => [...manifest.get('agencies')].filter(([, one]) => one.get('custody') === custody).map(([name]) => name).sort();
  const kept = { own: ['各自的系统', 'own system'], page: ['办理人的浏览器', "draw officer's browser"], server: ['平台服务器代管', 'operator'] };
  for (const [custody, [zh, en]] of Object.entries(kept)) {
    if (who(custody).length > 0) add(`密钥保管（${zh}）：${named(who(custody))}`, `custody "${custody}" (${en}): ${named(who(custody))}`);
  }
  if (who('own').length + who('page').length < 2) add('自己保管密钥的部门不足两个', 'fewer than two agencies keep their own key');
}

function notice(add, seconds) {
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor((seconds % 3600) / 60)];
  const short = seconds < 24 * 3600;
  add(`公告期：${hours} 小时 ${minutes} 分${short ? '，不足 24 小时' : ''}`, `notice: ${hours} h ${minutes} min${short ? ', shorter than 24 hours' : ''}`);
}

/** Count the open slots of the newest teams. */
function openSlots(record) {
  const rounds = record.get('replacements');
  const newest = rounds.length > 0
    ? [...rounds[rounds.length - 1].get('teams').values()]
    : [...record.get('teams').values()].map((team) => team.get('assigned'));
  let open = 0;
  for (const teams of newest) for (const team of teams.values()) for (const pid of team) if (pid === null) open += 1;
  return open;
}
