/**
 * The sampling frame (§2): files of any size, read in slices and never held.
 *
 * A source is {name, size, read(from, to) → Promise<Uint8Array>}. Rows that say the same "stratum TAB lines" share a
 * Kind, so that what follows works on a few kinds and on ids.
 */
import { compareBytes, hex, latin, rises } from './bytes.js';
import { Differs, TooMuch, Unreadable } from './verdict.js';
import { isStratum } from './shape.js';

const SLICE = 1 << 21; // bytes read at a time
const MERGED = 1 << 25; // bytes read at a time of all files that are merged, but of each at least 2^15
const ROW_LIMIT = 1 << 20; // bytes of one row
const KIND_LIMIT = 500000; // different kinds in one frame
const CHUNK = 256; // rows under one leaf of a shard's chunk root
const TAB = 9;
const LF = 10;

const IS_IDENTIFIER_BYTE = new Uint8Array(256);
for (const sign of '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz._-') {
  IS_IDENTIFIER_BYTE[sign.charCodeAt(0)] = 1;
}

/** What a row says after its id: the stratum, its class (`level`), the inspection lines. */
class Kind {
  constructor(index, bytes, stratum, lines) {
    this.index = index;
    this.bytes = bytes;
    this.stratum = stratum;
    this.level = classOf(stratum);
    this.lines = lines;
  }
}

/** Give the class of a stratum: what stands before the first "/". */
export function classOf(stratum) {
  return stratum.split('/', 1)[0];
}

/** All kinds of a frame, found by the bytes of the row behind the id. */
export class Kinds {
  constructor() {
    this.all = [];
    this.byHash = new Map();
  }

  /** Give the kind of bytes[from..to), or null where these are no stratum and lines. */
  find(bytes, from, to) {
    let hash = 0x811c9dc5;
    for (let i = from; i < to; i += 1) hash = Math.imul(hash ^ bytes[i], 0x01000193);
    let candidates = this.byHash.get(hash);
    if (candidates === undefined) this.byHash.set(hash, (candidates = []));
    for (const kind of candidates) if (sameBytes(kind.bytes, bytes, from, to)) return kind;
    const kind = this.made(bytes, from, to);
    if (kind !== null) candidates.push(kind);
    return kind;
  }

  made(bytes, from, to) {
    const [stratum, lines, ...more] = latin(bytes, from, to).split('\t');
    if (lines === undefined || more.length > 0 || !isStratum(stratum)) return null;
    const each = lines.split(',');
    if (!each.every((line) => isStratum(line) && !line.includes('/')) || !rises(each)) return null;
    if (this.all.length >= KIND_LIMIT) throw new TooMuch();
    const kind = new Kind(this.all.length, bytes.slice(from, to), stratum, each);
    this.all.push(kind);
    return kind;
  }
}

function sameBytes(known, bytes, from, to) {
  if (known.length !== to - from) return false;
  for (let i = 0; i < known.length; i += 1) if (known[i] !== bytes[from + i]) return false;
  return true;
}

/** Read a source slice by slice; `take(bytes)` may keep a view until the next slice. */
async function slices(source, take) {
  for (let at = 0; at < source.size; at += SLICE) {
    const bytes = await slice(source, at);
    take(bytes);
  }
}

async function slice(source, at, length = SLICE) {
  const to = Math.min(at + length, source.size);
  let bytes;
  try {
    bytes = await source.read(at, to);
  } catch {
    bytes = null;
  }
  if (bytes === null || bytes.length !== to - at) {
    throw new Unreadable(`无法读取文件 ${source.name}`, `cannot read the file ${source.name}`);
  }
  return bytes;
}

/** Cuts a stream of slices into rows: `row(bytes, from, to)` without the LF, `tail` is what came after the last LF. */
class Rows {
  constructor(row) {
    this.row = row;
    this.rest = new Uint8Array(0);
    this.tooLong = false;
  }

  take(bytes) {
    let from = 0;
    if (this.rest.length > 0 && !this.tooLong) {
      const end = bytes.indexOf(LF);
      const upTo = end < 0 ? bytes.length : end + 1;
      const joined = new Uint8Array(this.rest.length + upTo);
      joined.set(this.rest);
      joined.set(bytes.subarray(0, upTo), this.rest.length);
      from = upTo;
      this.rest = joined;
      if (end < 0) {
        this.tooLong = joined.length > ROW_LIMIT;
        return;
      }
      this.rest = new Uint8Array(0);
      this.row(joined, 0, joined.length - 1);
    }
    for (;;) {
      const end = this.tooLong ? -1 : bytes.indexOf(LF, from);
      if (end < 0) break;
      this.row(bytes, from, end);
      from = end + 1;
    }
    if (!this.tooLong) this.rest = bytes.slice(from);
    if (this.rest.length > ROW_LIMIT) this.tooLong = true;
  }
}

/** What was found in one frame file: its digest, size and chunk root, and the first row that is no row, if any. */
export class Survey {
  constructor(source, hashing, kinds) {
    this.source = source;
    this.hashing = hashing;
    this.kinds = kinds;
    this.n = 0;
    this.counts = new Map(); // kind → rows of this file
    this.fault = null;
    this.last = new Uint8Array(0);
    this.first = null;
    this.tree = hashing.tree();
    this.file = hashing.begin();
    this.chunk = hashing.begin().update(Uint8Array.of(0));
    this.inChunk = 0;
  }

  /** Read the whole file once. */
  async read(progress) {
    const rows = new Rows((bytes, from, to) => this.row(bytes, from, to));
    await slices(this.source, (bytes) => {
      this.file.update(bytes);
      if (this.fault === null) rows.take(bytes);
      if (rows.tooLong) this.refuse(this.n + 1, '行过长', 'is too long for a row');
      progress(bytes.length);
    });
    if (rows.rest.length > 0 && this.fault === null) {
      this.fault = new Differs(2, this.source.name, '最后一行没有换行符（LF）', 'the last row does not end in a line feed');
    }
    if (this.inChunk > 0) this.tree.add(this.chunk.digest());
    this.digest = hex(this.file.digest());
    this.root = hex(this.tree.root());
    return this;
  }

  row(bytes, from, to) {
    if (this.fault !== null) return;
    this.n += 1;
    this.chunk.update(bytes, from, to + 1);
    this.inChunk += 1;
    if (this.inChunk === CHUNK) {
      this.tree.add(this.chunk.digest());
      this.chunk.reset().update(Uint8Array.of(0));
      this.inChunk = 0;
    }
    const tab = endOfId(bytes, from, to);
    if (tab < 0) return this.refuse(this.n, '不是“标识 TAB 层 TAB 事项”', 'is not "id TAB stratum TAB lines"');
    const id = bytes.subarray(from, tab);
    if (this.n > 1 && compareBytes(this.last, id) >= 0) {
      return this.refuse(this.n, '未按标识升序排列，或标识重复', 'is not in ascending order, or its id comes twice');
    }
    if (this.n === 1) this.first = id.slice();
    this.last = id.slice();
    const kind = this.kinds.find(bytes, tab + 1, to);
    if (kind === null) return this.refuse(this.n, '层或事项的写法不对', 'has a stratum or lines that are not well-formed');
    this.counts.set(kind, (this.counts.get(kind) || 0) + 1);
    return undefined;
  }

  refuse(row, zh, en) {
    if (this.fault === null) {
      this.fault = new Differs(2, `${this.source.name} row ${row}`, `第 ${row} 行${zh}`, `row ${row} ${en}`);
    }
  }
}

/** Give where the TAB behind the id stands, or -1 where there is no id. */
function endOfId(bytes, from, to) {
  let at = from;
  while (at < to && IS_IDENTIFIER_BYTE[bytes[at]] === 1) at += 1;
  return at > from && at - from <= 64 && at < to && bytes[at] === TAB ? at : -1;
}

/** Walk the rows of files that were surveyed: `visit(bytes, from, tab, kind)` with the id in bytes[from..tab). */
export async function walk(surveys, kinds, visit, progress) {
  for (const { source } of surveys) {
    const rows = new Rows((bytes, from, to) => {
      const tab = endOfId(bytes, from, to);
      const kind = tab < 0 ? null : kinds.find(bytes, tab + 1, to);
      if (kind === null) throw new Unreadable(`${source.name} 在核验时被改动`, `${source.name} changed while it was read`);
      visit(bytes, from, tab, kind);
    });
    await slices(source, (bytes) => {
      rows.take(bytes);
      progress(bytes.length);
    });
  }
}

/** Reads the ids of one surveyed file in order, for merging. */
class Ids {
  constructor(survey, length) {
    this.survey = survey;
    this.length = length;
    this.at = 0;
    this.row = 0;
    this.waiting = [];
    this.next = 0;
    this.rows = new Rows((bytes, from) => this.waiting.push(bytes.slice(from, bytes.indexOf(TAB, from))));
  }

  /** Step to the next id; false at the end of the file. */
  async step() {
    while (!this.stepHere()) {
      if (this.at >= this.survey.source.size) return false;
      this.waiting = [];
      this.next = 0;
      this.rows.take(await slice(this.survey.source, this.at, this.length));
      this.at += this.length;
    }
    return true;
  }

  /** Step to the next id of the slice that was read last; false at its end. */
  stepHere() {
    if (this.next >= this.waiting.length) return false;
    this.id = this.waiting[this.next];
    this.next += 1;
    this.row += 1;
    return true;
  }
}

/** Refuse an id that occurs in two shards: merge those files whose ranges of ids overlap. */
export async function refuseIdsInTwoShards(surveys) {
  const filled = surveys.filter((one) => one.n > 0).sort((a, b) => compareBytes(a.first, b.first));
  for (const group of overlapping(filled)) if (group.length > 1) await merge(group);
}

function overlapping(filled) {
  const groups = [];
  let reach = null;
  for (const one of filled) {
    if (reach !== null && compareBytes(one.first, reach) <= 0) groups[groups.length - 1].push(one);
    else groups.push([one]);
    if (reach === null || compareBytes(reach, one.last) < 0) reach = one.last;
  }
  return groups;
}

async function merge(group) {
  const open = [];
  const length = Math.min(SLICE, Math.max(1 << 15, Math.floor(MERGED / group.length)));
  for (const survey of group) {
    const ids = new Ids(survey, length);
    if (await ids.step()) insert(open, ids);
  }
  let last = null;
  while (open.length > 0) {
    const ids = open.pop();
    if (last !== null && compareBytes(last, ids.id) === 0) {
      const [file, id] = [ids.survey.source.name, latin(last)];
      throw new Differs(2, 'frame', `标识 ${id} 出现在两个分片中（${file} 第 ${ids.row} 行）`, `the id ${id} occurs in two shards (${file} row ${ids.row})`);
    }
    last = ids.id;
    if (ids.stepHere() || (await ids.step())) insert(open, ids);
  }
}

/** Put into a list that is kept in descending order of the next id. */
function insert(open, ids) {
  let low = 0;
  let high = open.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (compareBytes(open[middle].id, ids.id) > 0) low = middle + 1;
    else high = middle;
  }
  open.splice(low, 0, ids);
}
