/** The protocol's hash functions (§1, §8) and its canonical JSON. */
import { NOTHING, hex, utf8 } from './bytes.js';
import { sha256 } from './sha256.js';
import { sm3 } from './sm3.js';

/** Write a value as RFC 8785 does; what may not be hashed was refused by the shape. */
export function canonical(value) {
  if (value instanceof Map) {
    const members = [...value.keys()].sort().map((key) => `${JSON.stringify(key)}:${canonical(value.get(key))}`);
    return `{${members.join(',')}}`;
  }
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  return JSON.stringify(value);
}

/** H, TH and what is built of them, for one of the two hashes. */
export class Hashing {
  constructor(name) {
    this.begin = name === 'sm3' ? sm3 : sha256;
    this.hasher = this.begin();
    this.length = new Uint8Array(4);
  }

  /** H of some byte strings, one after the other. */
  h(...parts) {
    this.hasher.reset();
    for (const part of parts) this.hasher.update(part);
    return this.hasher.digest();
  }

  /** TH(tag, …): bytes as they are, text as UTF-8, whole numbers as ASCII decimal, a missing value as nothing. */
  th(tag, ...parts) {
    this.hasher.reset();
    this.prefixed(utf8(`JIDRAW/1/${tag}`));
    for (const part of parts) {
      this.prefixed(part === null ? NOTHING : part instanceof Uint8Array ? part : utf8(String(part)));
    }
    return this.hasher.digest();
  }

  prefixed(bytes) {
    const { length } = this;
    for (let i = 0; i < 4; i += 1) length[i] = bytes.length >>> (24 - 8 * i);
    this.hasher.update(length).update(bytes);
  }

  /** TH over a value's canonical JSON, after other parts. */
  thOf(tag, ...partsAndValue) {
    const value = partsAndValue.pop();
    return this.th(tag, ...partsAndValue, utf8(canonical(value)));
  }

  /** key(seed, p1 …): 32 hex characters (§8). */
  key(seed, ...parts) {
    return hex(this.th('key', seed, ...parts)).slice(0, 32);
  }

  /** Apply TH("chain", ·) so many times (§5). */
  chain(value, times) {
    let reached = value;
    for (let i = 0; i < times; i += 1) reached = this.th('chain', reached);
    return reached;
  }

  /** Begin an RFC 6962 tree hash. */
  tree() {
    return new TreeHash(this);
  }

  /** The tree hash of byte strings. */
  treeOf(leaves) {
    const tree = this.tree();
    for (const leaf of leaves) tree.add(this.h(Uint8Array.of(0), leaf));
    return tree.root();
  }
}

/** RFC 6962 tree hash of a stream of leaf hashes: only the roots of the full subtrees so far are kept. */
export class TreeHash {
  constructor(hashing) {
    this.hashing = hashing;
    this.subtrees = []; // the i-th, where present, is the root over 2^i leaves
  }

  add(leafHash) {
    let node = leafHash;
    let level = 0;
    for (; this.subtrees[level]; level += 1) {
      node = this.hashing.h(Uint8Array.of(1), this.subtrees[level], node);
      this.subtrees[level] = null;
    }
    this.subtrees[level] = node;
  }

  root() {
    let root = null;
    for (const subtree of this.subtrees) {
      if (subtree) root = root === null ? subtree : this.hashing.h(Uint8Array.of(1), subtree, root);
    }
    return root === null ? this.hashing.h() : root;
  }
}
