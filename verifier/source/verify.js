/**
 * The verification of one record (§14), from its files to its report.
 *
 * `verify({record, frames, keys}, {head, progress})`: every file is {name, size, read(from, to) → Promise<Uint8Array>};
 * `keys` may be null; `head` is the newest published result digest, or null. It never throws for what files hold.
 */
import { broughtBeacons } from './beacons.js';
import { ascending, hex } from './bytes.js';
import { Ceremony } from './ceremony.js';
import { Kinds, Survey, refuseIdsInTwoShards } from './frame.js';
import { Hashing } from './hashing.js';
import { RECORD_LIMIT, readJson } from './json.js';
import { checkAgainstFrame, checkManifest, checkSizesAlone, manifestDigest } from './manifest.js';
import { Report, factsOf, namesWhatIsNotHeld, saysWhatItRestsOn } from './report.js';
import { checkRosters, checkTeams, checkTeamsOfAll } from './rosters.js';
import { Standing, checkRounds } from './rounds.js';
import { Frame, checkSelection, checkSelectionAlone, checkWork, workOf } from './selection.js';
import { checkShape, isKeysFile } from './shape.js';
import { Differs, Steps, TooMuch, Unreadable, same } from './verdict.js';
import { resultDigest, visitsRoot } from './visits.js';

const DIGEST = /^[0-9a-f]{64}$/;

export async function verify(files, { head = null, progress = () => {}, steps = new Steps() } = {}) {
  const report = new Report();
  try {
    await new Verification(files, head, progress, steps, report).run();
  } catch (problem) {
    if (problem instanceof Differs) report.difference = problem;
    else if (problem instanceof Unreadable) report.unreadable = problem;
    else if (problem instanceof TooMuch) report.notChecked('记录要求的计算量超出本页所能', 'the record asks for more work than this page does');
    else report.notChecked(`核验程序出错：${problem}`, `a mistake in this program: ${problem}`);
  }
  return report.asData();
}

/** Read a JSON file whole. */
async function wholeFile(source, name) {
  if (source.size > RECORD_LIMIT) throw new Unreadable(`${name} 过大，请用 verify_draw.py 核验`, `${name} is too large for this page; use verify_draw.py`);
  try {
    return readJson(await source.read(0, source.size), name);
  } catch (problem) {
    if (problem instanceof Unreadable) throw problem;
    throw new Unreadable(`无法读取 ${name}`, `cannot read ${name}`);
  }
}

/** Say what a file is that is handed out beside records and is none, and what reads it. */
function refuseOtherFiles(told) {
  if (!(told instanceof Map)) return;
  if (['blind', 'entity', 'entry', 'path'].every((key) => told.has(key))) {
    throw new Unreadable(
      '这是一户检查任务的证明 proof.json，不是抽取记录；请用 check_visit.py 核对',
      'this is the proof of one visit (proof.json), not a record; check_visit.py reads it',
    );
  }
  if (told.get('v') === 'onevisit-import/1') {
    throw new Unreadable(
      '这是在别处进行的抽取的导入说明 import.json，不是抽取记录；它可以直接阅读，没有程序能核验它',
      'this is the statement on a draw made elsewhere (import.json), not a record; read it as it stands, no tool can verify it',
    );
  }
}

class Verification {
  constructor(files, head, progress, steps, report) {
    this.files = files;
    this.head = head;
    this.progress = progress;
    this.steps = steps;
    this.report = report;
  }

  async run() {
    const { report } = this;
    if (this.head !== null && !DIGEST.test(this.head)) {
      throw new Unreadable('结果摘要应为 64 位小写十六进制', '--head must be 64 lower-case hex characters');
    }
    this.keys = this.files.keys ? await this.keysFile() : null;
    const record = await wholeFile(this.files.record, this.files.record.name);
    refuseOtherFiles(record);
    checkShape(record);
    this.record = record;
    this.manifest = record.get('manifest');
    this.hashing = new Hashing(this.manifest.get('hash'));
    report.facts = factsOf(record);
    this.checkManifests();
    await this.readFrames();
    await this.checkFrames();
    await this.checkDraw();
    await this.checkRounds();
    this.checkEarlierAttempts();
    this.checkHead();
    report.checked.add(14);
    namesWhatIsNotHeld(report, record);
    saysWhatItRestsOn(report, record, this.keys !== null);
  }

  async keysFile() {
    const name = this.files.keys.name;
    const keys = await wholeFile(this.files.keys, name);
    if (!isKeysFile(keys)) throw new Unreadable(`${name} 不是公钥文件`, `${name} is no keys file: {agency or "witness": key in lower-case hex}`);
    return keys;
  }

  // --- sections 4 and 14: this manifest and those before it ----------------------------------------------------------

  checkManifests() {
    const { record, manifest } = this;
    this.m = manifestDigest(this.hashing, manifest);
    same(4, 'manifest_digest', record.get('manifest_digest'), hex(this.m));
    const earlier = record.get('attempts');
    if (earlier.length !== manifest.get('attempt') - 1) {
      const due = manifest.get('attempt') - 1;
      throw new Differs(14, 'attempts', `应有 ${due} 次此前的抽取，实有 ${earlier.length} 次`, `holds ${earlier.length} earlier attempts, not ${due}`);
    }
    this.attempts = earlier.map((attempt, i) => {
      const its = attempt.get('manifest');
      const hashing = new Hashing(its.get('hash'));
      return { attempt, manifest: its, hashing, m: manifestDigest(hashing, its), place: `attempts[${i}].manifest` };
    });
    this.attempts.push({ manifest, hashing: this.hashing, m: this.m, place: 'manifest' });
    this.checkKeys();
    checkManifest(manifest, this.hashing, 'manifest');
    checkSizesAlone(manifest, 'manifest');
    for (let i = this.attempts.length - 1; i >= 0; i -= 1) this.checkLink(this.attempts[i], i);
    for (const one of this.attempts.slice(0, -1)) {
      checkManifest(one.manifest, one.hashing, one.place);
      checkSizesAlone(one.manifest, one.place);
    }
    this.report.checked.add(4);
  }

  /** Check that attempt i + 1 is the one after attempt i, of the same draw. */
  checkLink({ manifest, place }, i) {
    same(4, `${place}.draw`, manifest.get('draw'), this.manifest.get('draw'));
    same(4, `${place}.attempt`, manifest.get('attempt'), i + 1);
    const before = i === 0 ? null : hex(this.attempts[i - 1].m);
    same(4, `${place}.prev`, manifest.get('prev'), before);
  }

  checkKeys() {
    if (this.keys === null) return;
    for (const { manifest, place } of [...this.attempts].reverse()) {
      const parties = [...manifest.get('agencies')].map(([name, party]) => [name, party, `${place}.agencies.${name}.key`]);
      if (manifest.get('witness') !== null) parties.push(['witness', manifest.get('witness'), `${place}.witness.key`]);
      for (const [name, party, inside] of parties) {
        if (!this.keys.has(name)) {
          this.report.notChecked(`${name} 的公钥：公钥文件中没有`, `key of ${name}: not in the --keys file`);
        } else if (this.keys.get(name) !== party.get('key')) {
          throw new Differs(14, inside, '与公钥文件不同', 'differs from the --keys file');
        }
      }
    }
  }

  // --- section 2: the frame ------------------------------------------------------------------------------------------

  /** Read every file once under each hash that an attempt uses, and match it to its shard by its digest. */
  async readFrames() {
    const hashes = [...new Set(this.attempts.map((one) => one.manifest.get('hash')))];
    const due = new Map(); // digest → shard, of any attempt
    for (const { manifest } of this.attempts) {
      for (const shard of manifest.get('frame').get('shards')) due.set(shard.get('digest'), shard);
    }
    this.kinds = new Kinds();
    this.surveys = new Map(); // digest → survey
    const total = this.files.frames.reduce((sum, one) => sum + one.size, 0) * hashes.length;
    let done = 0;
    const progress = (bytes) => {
      done += bytes;
      this.progress({ stage: 'frame', done, total });
    };
    for (const source of this.files.frames) {
      const found = [];
      for (const hash of hashes) {
        const survey = await new Survey(source, new Hashing(hash), this.kinds).read(progress);
        if (due.has(survey.digest)) found.push(survey);
      }
      if (found.length === 0) {
        throw new Differs(2, source.name, '不是本次抽取的抽样框文件，或已被改动', 'belongs to no shard of this draw, or was changed');
      }
      for (const survey of found) this.surveys.set(survey.digest, survey);
    }
  }

  async checkFrames() {
    for (const one of [...this.attempts].reverse()) {
      const frame = this.frameOf(one.manifest, one.place);
      if (one.manifest === this.manifest) this.frame = frame;
      if (frame === null) continue;
      await refuseIdsInTwoShards(frame.surveys);
      checkAgainstFrame(one.manifest, frame.counts, one.place);
    }
  }

  /** Give the frame of a manifest, or null where a file of it was not given. */
  frameOf(manifest, place) {
    const surveys = [];
    let whole = true;
    for (const shard of manifest.get('frame').get('shards')) {
      const survey = this.surveys.get(shard.get('digest'));
      if (survey === undefined) {
        whole = false;
        const name = shard.get('shard');
        this.report.notChecked(`${place}：没有提供分片 ${name} 的抽样框`, `${place}: frame of shard ${name} not given`);
        continue;
      }
      if (survey.fault !== null) throw survey.fault;
      same(2, `${place}.frame.shards.${shard.get('shard')}.n`, shard.get('n'), survey.n);
      same(2, `${place}.frame.shards.${shard.get('shard')}.root`, shard.get('root'), survey.root);
      surveys.push(survey);
    }
    if (!whole) return null;
    const counts = new Map();
    for (const survey of surveys) {
      for (const [kind, rows] of survey.counts) counts.set(kind, (counts.get(kind) || 0) + rows);
    }
    const total = surveys.reduce((sum, one) => sum + one.source.size, 0);
    let done = 0;
    return new Frame(surveys, this.kinds, counts, (bytes) => {
      done += bytes;
      this.progress({ stage: 'tickets', done: done % (total + 1), total });
    });
  }

  // --- sections 3 to 13: the draw ------------------------------------------------------------------------------------

  async checkDraw() {
    const { record, manifest, hashing, report, m } = this;
    if (this.frame !== null) report.checked.add(2);
    checkTeamsOfAll(manifest, record.get('teams'));
    if (record.get('edition') === 'full') {
      checkRosters(hashing, manifest, record.get('teams'));
      report.checked.add(3);
    }
    this.progress({ stage: 'signatures' });
    this.ceremony = new Ceremony(manifest, hashing, this.steps, (zh, en) => report.notChecked(zh, en));
    const { cd, rd, parts } = this.ceremony.draw(m, record);
    report.checked.add(5).add(6);
    const beacons = broughtBeacons(7, {
      sources: manifest.get('beacons'), brought: record.get('beacons'), place: 'beacons', ceremony: this.ceremony, hashing,
      dice: (digits) => hashing.th('dice-msg', m, cd, rd, digits),
    });
    this.seed = hashing.th('seed', m, cd, ...parts, ...beacons);
    same(7, 'seed', record.get('seed'), hex(this.seed));
    report.checked.add(7);
    const stratumOf = await this.checkSelection();
    this.progress({ stage: 'teams' });
    const work = record.get('work');
    checkTeams({ hashing, seed: this.seed, manifest, record, work, stratumOf, steps: this.steps });
    if (record.get('edition') === 'full') report.checked.add(12);
    this.checkDigests(work);
  }

  /** Check selection and work list; gives the stratum of everybody drawn. */
  async checkSelection() {
    const { record, manifest, hashing, report } = this;
    const selected = record.get('selected');
    if (this.frame === null) {
      const strata = checkSelectionAlone(manifest, selected, record.get('work'));
      return (id) => strata.get(id);
    }
    this.drawn = await checkSelection(this.frame, hashing, this.seed, manifest, selected);
    const ids = new Map();
    for (const [selection, strata] of selected) ids.set(selection, [...strata.values()].flat());
    const work = workOf(manifest, ids, (id) => this.drawn.get(id).lines);
    checkWork(10, record.get('work'), work, 'work');
    report.checked.add(8).add(9).add(10);
    return (id) => this.drawn.get(id).stratum;
  }

  checkDigests(work) {
    const { record, hashing, seed } = this;
    const teams = new Map(ascending(record.get('teams').keys()).map((name) => [name, record.get('teams').get(name).get('assigned')]));
    const root = visitsRoot(hashing, seed, work, teams);
    same(10, 'visits_root', record.get('visits_root'), root);
    same(13, 'result_digest', record.get('result_digest'), resultDigest(hashing, seed, record.get('selected'), teams, root));
    this.report.checked.add(13);
  }

  // --- sections 11 and 14: what came after, what came before ---------------------------------------------------------

  async checkRounds() {
    const { record, manifest, hashing, report } = this;
    if (record.get('replacements').length + record.get('spent').length === 0) return;
    if (this.frame === null) {
      report.notChecked('替换轮（§11）：没有抽样框', 'rounds (§11), for want of the frame');
      return;
    }
    this.progress({ stage: 'rounds' });
    const standing = new Standing(record, manifest, this.drawn, this.seed);
    await checkRounds({
      record, manifest, hashing, standing, m: this.m, frame: this.frame, ceremony: this.ceremony, steps: this.steps,
    });
    report.checked.add(11);
  }

  checkEarlierAttempts() {
    this.attempts.slice(0, -1).forEach(({ attempt, manifest, hashing, m }, i) => {
      const ceremony = new Ceremony(manifest, hashing, this.steps, (zh, en) => this.report.notChecked(zh, en));
      ceremony.earlier(m, attempt, `attempts[${i}]`);
    });
  }

  checkHead() {
    const ends = this.report.facts.head;
    if (this.head !== null && this.head !== ends) {
      throw new Differs(14, '--head', `记录止于 ${ends}，公布的是 ${this.head}`, `the record ends with ${ends}, published is ${this.head}`);
    }
  }
}
