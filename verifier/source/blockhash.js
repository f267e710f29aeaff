/**
 * What SHA-256 and SM3 have in common: eight 32-bit words of state, blocks of 64 bytes, and the padding.
 *
 * WebCrypto is not used: it is missing on pages opened from a file in some browsers, it knows no SM3, and it cannot
 * hash in pieces.
 */

/** A running hash. `compress(state, bytes, at)` mixes the 64 bytes at `at` into the state. */
export class BlockHash {
  constructor(initial, compress) {
    this.initial = initial;
    this.compress = compress;
    this.state = new Int32Array(8);
    this.block = new Uint8Array(64);
    this.reset();
  }

  /** Begin anew. */
  reset() {
    this.state.set(this.initial);
    this.length = 0;
    this.filled = 0;
    return this;
  }

  /** Take in bytes[from..to). */
  update(bytes, from = 0, to = bytes.length) {
    this.length += to - from;
    let at = from;
    if (this.filled > 0) {
      while (at < to && this.filled < 64) this.block[this.filled++] = bytes[at++];
      if (this.filled < 64) return this;
      this.compress(this.state, this.block, 0);
      this.filled = 0;
    }
    for (; at + 64 <= to; at += 64) this.compress(this.state, bytes, at);
    while (at < to) this.block[this.filled++] = bytes[at++];
    return this;
  }

  /** Pad and mix the last block; afterwards `state` holds the eight words of the digest. */
  finish() {
    const { block, state, length } = this;
    block[this.filled] = 0x80;
    block.fill(0, this.filled + 1);
    if (this.filled >= 56) {
      this.compress(state, block, 0);
      block.fill(0);
    }
    const high = Math.floor(length / 2 ** 29);
    const low = (length << 3) >>> 0;
    for (let i = 0; i < 4; i += 1) {
      block[56 + i] = high >>> (24 - 8 * i);
      block[60 + i] = low >>> (24 - 8 * i);
    }
    this.compress(state, block, 0);
    return this;
  }

  /** Take in text that is ASCII. */
  updateAscii(text) {
    const { block } = this;
    this.length += text.length;
    for (let i = 0; i < text.length; i += 1) {
      block[this.filled++] = text.charCodeAt(i);
      if (this.filled === 64) {
        this.compress(this.state, block, 0);
        this.filled = 0;
      }
    }
    return this;
  }

  /** Give the digest, once finished, as 32 characters, which compare as its bytes do. */
  asText() {
    let text = '';
    for (const word of this.state) {
      text += String.fromCharCode(word >>> 24, (word >>> 16) & 255, (word >>> 8) & 255, word & 255);
    }
    return text;
  }

  /** Give the 32 bytes of the digest. */
  digest() {
    this.finish();
    const bytes = new Uint8Array(32);
    for (let i = 0; i < 32; i += 1) bytes[i] = this.state[i >> 2] >>> (24 - 8 * (i & 3));
    return bytes;
  }
}
