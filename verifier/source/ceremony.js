/** Commitments (§5), reveals and the seal (§6), in the draw and, with chain values, in a round (§11). */
import { ascending, hex, unhex } from './bytes.js';
import { verifyEd25519 } from './ed25519.js';
import { Differs, noOtherKeys, same, sameKeys } from './verdict.js';

/** The parties of one attempt and what they signed; `say` collects what could not be checked. */
export class Ceremony {
  constructor(manifest, hashing, steps, say) {
    this.manifest = manifest;
    this.hashing = hashing;
    this.steps = steps;
    this.say = say;
    this.agencies = ascending(manifest.get('agencies').keys());
    this.witness = manifest.get('witness');
  }

  notChecked(zh, en) {
    this.say(zh, en);
  }

  party(name) {
    return name === 'witness' ? this.witness : this.manifest.get('agencies').get(name);
  }

  /** Check a party's signature over a hash. */
  signed(section, name, message, signature, place) {
    const party = this.party(name);
    if (party.get('alg') === 'sm2') {
      this.notChecked(`${name} 的 SM2 签名`, `SM2 signatures of ${name}`);
      return;
    }
    this.steps.take(150000);
    if (!verifyEd25519(unhex(party.get('key')), message, unhex(signature))) {
      const who = name === 'witness' ? '见证人' : name;
      throw new Differs(section, place, `${who} 的签名不成立`, `the signature of ${name} does not hold`);
    }
  }

  /** Check {witness} or {agencies} under a seal or dice: the witness, without one more than half of the agencies. */
  sealedBy(section, holder, place, message) {
    if (this.witness !== null) {
      if (!holder.has('witness')) throw new Differs(section, place, '应由见证人签名', 'must be signed by the witness');
      this.signed(section, 'witness', message, holder.get('witness'), `${place}.witness`);
      return;
    }
    if (!holder.has('agencies')) {
      throw new Differs(section, place, '没有见证人，应由过半部门签名', 'without a witness more than half of the agencies sign it');
    }
    const signatures = holder.get('agencies');
    noOtherKeys(section, `${place}.agencies`, signatures, this.agencies);
    if (2 * signatures.size <= this.agencies.length) {
      throw new Differs(section, `${place}.agencies`, '签名的部门未过半', 'no more than half of the agencies signed');
    }
    for (const name of ascending(signatures.keys())) {
      this.signed(section, name, message, signatures.get(name), `${place}.agencies.${name}`);
    }
  }

  /** Check commitments as far as they are there: known parties, signatures, no two equal. */
  commitments(m, commits, place) {
    noOtherKeys(5, place, commits, this.agencies);
    const seen = new Set();
    for (const name of ascending(commits.keys())) {
      const c = commits.get(name).get('c');
      const message = this.hashing.th('commit-msg', m, name, unhex(c));
      this.signed(5, name, message, commits.get(name).get('sig'), `${place}.${name}.sig`);
      if (seen.has(c)) throw new Differs(5, place, '有两个相同的承诺', 'holds two equal commitments');
      seen.add(c);
    }
  }

  /** Give CD over commitments that are all there. */
  commitsDigest(m, commits) {
    const parts = [];
    for (const name of this.agencies) parts.push(name, unhex(commits.get(name).get('c')));
    return this.hashing.th('commits', m, ...parts);
  }

  countersignatures(m, cd, given, place) {
    const message = this.hashing.th('cd-msg', m, cd);
    noOtherKeys(5, place, given, this.agencies);
    for (const name of ascending(given.keys())) this.signed(5, name, message, given.get(name), `${place}.${name}`);
  }

  /**
   * Check the values that were revealed.
   *
   * `links` applications of the chain lead from a value to the secret that was committed to: 0 in the draw, r in round
   * r. `message(name, value)` is what was signed. Gives a1, v1 … am, vm.
   */
  reveals(section, { m, commits, reveals, place, links, message }) {
    noOtherKeys(section, place, reveals, this.agencies);
    const parts = [];
    for (const name of this.agencies) {
      const reveal = reveals.get(name);
      if (reveal === undefined) {
        parts.push(name, null);
        continue;
      }
      const value = unhex(reveal.get('value'));
      this.steps.take(100 * (links + 1));
      const secret = this.hashing.chain(value, links);
      if (hex(this.hashing.th('commit', m, name, secret)) !== commits.get(name).get('c')) {
        throw new Differs(section, `${place}.${name}.value`, '打不开其承诺', 'does not open its commitment');
      }
      this.signed(section, name, message(name, value), reveal.get('sig'), `${place}.${name}.sig`);
      parts.push(name, value);
    }
    return parts;
  }

  /** Refuse where too few revealed: more missing than allowed, or fewer than two (of one agency: that one). */
  enoughReveals(section, reveals, place) {
    const missing = this.agencies.length - reveals.size;
    const least = Math.min(2, this.agencies.length);
    if (missing > this.manifest.get('max_missing') || reveals.size < least) {
      throw new Differs(section, place, `缺少 ${missing} 个揭示`, `${missing} reveals are missing`);
    }
  }

  /** Check the commitments, countersignatures, reveals and seal of the draw; gives CD, RD and the reveal parts. */
  draw(m, record) {
    const { hashing } = this;
    const commits = record.get('commits');
    sameKeys(5, 'commits', commits, this.agencies);
    this.commitments(m, commits, 'commits');
    const cd = this.commitsDigest(m, commits);
    same(5, 'commits_digest', record.get('commits_digest'), hex(cd));
    sameKeys(5, 'countersignatures', record.get('countersignatures'), this.agencies);
    this.countersignatures(m, cd, record.get('countersignatures'), 'countersignatures');

    const reveals = record.get('reveals');
    const message = (name, value) => hashing.th('reveal-msg', m, cd, name, value);
    const parts = this.reveals(6, { m, commits, reveals, place: 'reveals', links: 0, message });
    this.enoughReveals(6, reveals, 'reveals');
    const rd = hashing.th('reveals', m, cd, ...parts);
    const times = this.manifest.get('times');
    const seal = record.get('seal');
    const earliest = reveals.size === this.agencies.length ? 0 : times.get('reveal_close');
    this.seal(6, seal, 'seal', rd, [earliest, times.get('seal_by')], (t) => hashing.th('seal', m, cd, rd, t));
    return { cd, rd, parts };
  }

  /** Check a seal: its digest, its time within [earliest, latest], and who signed it. */
  seal(section, seal, place, rd, [earliest, latest], message) {
    same(section, `${place}.digest`, seal.get('digest'), hex(rd));
    const at = seal.get('at');
    if (at > latest) throw new Differs(section, `${place}.at`, '封存晚于期限', 'is later than seal_by');
    if (at < earliest) {
      throw new Differs(section, `${place}.at`, '揭示未齐，封存早于揭示截止', 'is before reveal_close with a reveal missing');
    }
    this.sealedBy(section, seal, place, message(at));
  }

  /** Check whatever was published of an earlier attempt. */
  earlier(m, attempt, place) {
    const commits = attempt.get('commits') || new Map();
    const countersignatures = attempt.get('countersignatures') || new Map();
    const reveals = attempt.get('reveals') || new Map();
    this.commitments(m, commits, `${place}.commits`);
    const absent = attempt.get('absent') || [];
    absent.forEach((name) => {
      if (name !== 'witness' && !this.manifest.get('agencies').has(name)) {
        throw new Differs(14, `${place}.absent`, `${name} 不是参与方`, `${name} is no party`);
      }
    });
    if (countersignatures.size === 0 && reveals.size === 0) return;
    if (commits.size < this.agencies.length) {
      throw new Differs(5, `${place}.commits`, '承诺不全，却有复签或揭示', 'is incomplete, yet has countersignatures or reveals');
    }
    const cd = this.commitsDigest(m, commits);
    this.countersignatures(m, cd, countersignatures, `${place}.countersignatures`);
    const message = (name, value) => this.hashing.th('reveal-msg', m, cd, name, value);
    this.reveals(6, { m, commits, reveals, place: `${place}.reveals`, links: 0, message });
  }
}
