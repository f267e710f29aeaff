/** What can be said of a record: a difference, something unreadable, something not checked. */

/** The record says one thing and the protocol another (exit 1). `place` is a place in the record, like seal.digest. */
export class Differs extends Error {
  constructor(section, place, zh, en) {
    super(`§${section} ${place}: ${en}`);
    this.section = section;
    this.place = plainText(place, 300);
    this.zh = plainText(zh, 600);
    this.en = plainText(en, 600);
  }
}

/** A file is no JSON, has another encoding, or is too large (exit 2). */
export class Unreadable extends Error {
  constructor(zh, en) {
    super(en);
    this.zh = plainText(zh, 600);
    this.en = plainText(en, 600);
  }
}

/** The record asks for more work than this program is willing to do (exit 3). */
export class TooMuch extends Error {}

/** Make text of a record harmless: no control characters, no marks that turn writing round, not endless. */
export function plainText(value, limit = 200) {
  const text = String(value).replace(/[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]/gu, '\ufffd');
  return text.length > limit ? `${text.slice(0, limit)}…` : text;
}

/** Refuse unless the two values are the same. */
export function same(section, place, recorded, computed) {
  if (recorded !== computed) {
    const [had, due] = [plainText(recorded), plainText(computed)];
    throw new Differs(section, place, `记录为 ${had}，重算为 ${due}`, `recorded ${had}, computed ${due}`);
  }
}

/** Refuse unless the map has exactly these keys; the first one missing, or one too many, is named. */
export function sameKeys(section, place, map, keys) {
  const due = [...keys];
  for (const key of due) {
    if (!map.has(key)) throw new Differs(section, `${place}.${key}`, '记录中缺少', 'is missing from the record');
  }
  noOtherKeys(section, place, map, due);
}

/** Refuse keys that are not among these. */
export function noOtherKeys(section, place, map, keys) {
  const known = new Set(keys);
  for (const key of map.keys()) {
    if (!known.has(key)) throw new Differs(section, `${place}.${key}`, '不应出现在记录中', 'should not be in the record');
  }
}

/** Counts elementary steps (about a hundredth of a microsecond to a microsecond each) and ends work that has no end. */
export class Steps {
  constructor(limit = 4e9) {
    this.left = limit;
  }

  take(count) {
    this.left -= count;
    if (this.left < 0) throw new TooMuch();
  }
}
