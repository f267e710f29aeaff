/**
 * JSON read strictly: UTF-8 without BOM, no key twice, nothing after the end, bounded depth and size.
 *
 * Objects become Maps, because an identifier may be `__proto__` (§1). Numbers that are not whole, not negative and
 * written in digits alone, or not below 2^53, become an OddNumber: the shape refuses them where they stand.
 */
import { Unreadable, plainText } from './verdict.js';

const MIB = 1 << 20;
export const RECORD_LIMIT = 128 * MIB; // bytes of JSON
const DEPTH_LIMIT = 200;
const PARSED_LIMIT = 512 * MIB; // what the parsed value may take, by the estimates below
const COST = { map: 320, entry: 64, list: 64, item: 12, text: 40, number: 16 };

const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
const ESCAPES = { '"': '"', '\\': '\\', '/': '/', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t' };

/** A number that the protocol does not know. */
export class OddNumber {
  constructor(text) {
    this.text = text;
  }
}

/** Read a JSON file; `name` is how its refusals call it. */
export function readJson(bytes, name) {
  let text;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (problem) {
    if (problem instanceof TypeError) throw new Unreadable(`${name} 不是 UTF-8 编码`, `${name} is not UTF-8`);
    throw new Unreadable(`${name} 过大`, `${name} is too large`);
  }
  return new JsonReader(text, name).read();
}

class JsonReader {
  constructor(text, name) {
    this.text = text;
    this.name = name;
    this.at = 0;
    this.cost = 0;
  }

  /** Read one value without recursion: `open` holds the lists and maps that are not closed yet. */
  read() {
    const open = [];
    for (;;) {
      let value = this.begin(open);
      if (value === undefined) continue;
      for (;;) {
        if (open.length === 0) {
          this.space();
          if (this.at < this.text.length) this.fail();
          return value;
        }
        const outer = open[open.length - 1];
        this.put(outer, value);
        if (!this.closes(outer)) break;
        value = open.pop().value;
      }
    }
  }

  /** Read a scalar or an empty list or map; for another list or map, open it and give nothing. */
  begin(open) {
    this.space();
    const sign = this.text[this.at];
    if (sign === '{' || sign === '[') {
      this.at += 1;
      this.pay(sign === '{' ? COST.map : COST.list);
      const value = sign === '{' ? new Map() : [];
      this.space();
      if (this.text[this.at] === (sign === '{' ? '}' : ']')) {
        this.at += 1;
        return value;
      }
      if (open.length >= DEPTH_LIMIT) {
        throw new Unreadable(`${this.name} 嵌套过深`, `${this.name} is nested too deeply`);
      }
      open.push({ value, key: sign === '{' ? this.key(value) : null });
      return undefined;
    }
    if (sign === '"') return this.string();
    for (const [word, meaning] of [['true', true], ['false', false], ['null', null]]) {
      if (this.text.startsWith(word, this.at)) {
        this.at += word.length;
        return meaning;
      }
    }
    return this.number();
  }

  put(outer, value) {
    if (outer.key === null) {
      this.pay(COST.item);
      outer.value.push(value);
    } else {
      this.pay(COST.entry);
      outer.value.set(outer.key, value);
    }
  }

  /** Step over the comma, and give false, or over the closing bracket, and give true. */
  closes(outer) {
    this.space();
    const sign = this.text[this.at];
    const last = outer.key === null ? ']' : '}';
    if (sign !== ',' && sign !== last) this.fail();
    this.at += 1;
    if (sign === last) return true;
    if (outer.key !== null) outer.key = this.key(outer.value);
    return false;
  }

  key(map) {
    this.space();
    if (this.text[this.at] !== '"') this.fail();
    const key = this.string();
    if (map.has(key)) {
      const shown = plainText(key, 60);
      throw new Unreadable(`${this.name} 中有重复的键：${shown}`, `${this.name} holds a key twice: ${shown}`);
    }
    this.space();
    if (this.text[this.at] !== ':') this.fail();
    this.at += 1;
    return key;
  }

  string() {
    const from = this.at + 1;
    let end = from;
    let whole = '';
    let taken = from;
    for (; ; end += 1) {
      const code = this.text.charCodeAt(end);
      if (code === 0x22) break;
      if (!(code >= 0x20)) this.fail(); // also NaN: the end of the file
      if (code === 0x5c) {
        whole += this.text.slice(taken, end) + this.escaped(end + 1);
        end += this.text[end + 1] === 'u' ? 5 : 1;
        taken = end + 1;
      }
    }
    this.at = end + 1;
    this.pay(COST.text + 2 * (end - from));
    return whole + this.text.slice(taken, end);
  }

  escaped(at) {
    const letter = this.text[at];
    if (letter === 'u') {
      const digits = this.text.slice(at + 1, at + 5);
      if (!/^[0-9a-fA-F]{4}$/.test(digits)) this.fail();
      return String.fromCharCode(parseInt(digits, 16));
    }
    if (letter === undefined || !Object.prototype.hasOwnProperty.call(ESCAPES, letter)) this.fail();
    return ESCAPES[letter];
  }

  number() {
    NUMBER.lastIndex = this.at;
    const found = NUMBER.exec(this.text);
    if (found === null) this.fail();
    this.at += found[0].length;
    this.pay(COST.number);
    const value = Number(found[0]);
    return /^[0-9]+$/.test(found[0]) && Number.isSafeInteger(value) ? value : new OddNumber(plainText(found[0], 40));
  }

  space() {
    for (; ; this.at += 1) {
      const code = this.text.charCodeAt(this.at);
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return;
    }
  }

  pay(cost) {
    this.cost += cost;
    if (this.cost > PARSED_LIMIT) {
      throw new Unreadable(`${this.name} 占用内存过多`, `${this.name} would need too much memory`);
    }
  }

  fail() {
    throw new Unreadable(`${this.name} 不是 JSON（第 ${this.at + 1} 个字符处）`, `${this.name} is not JSON (at character ${this.at + 1})`);
  }
}
