/*
 * SM3 (GB/T 32905-2016) for the pages in which a browser works on a draw: WebCrypto does not know it. Written apart from the
 * verifier's own (verifier/source/sm3.js) on purpose: what a ceremony signs and what judges it share no code.
 */
const START = [0x7380166f, 0x4914b2b9, 0x172442d7, 0xda8a0600, 0xa96f30bc, 0x163138aa, 0xe38dee4d, 0xb0fb0e4e];

function turned(word, by) { return by % 32 ? (word << by % 32) | (word >>> (32 - (by % 32))) : word; }

function compress(state, view, start, w) {
  for (let j = 0; j < 16; j += 1) { w[j] = view.getInt32(start + 4 * j); }
  for (let j = 16; j < 68; j += 1) {
    const x = w[j - 16] ^ w[j - 9] ^ turned(w[j - 3], 15);
    w[j] = x ^ turned(x, 15) ^ turned(x, 23) ^ turned(w[j - 13], 7) ^ w[j - 6];
  }
  let [a, b, c, d, e, f, g, h] = state;
  for (let j = 0; j < 64; j += 1) {
    const a12 = turned(a, 12);
    const ss1 = turned((a12 + e + turned(j < 16 ? 0x79cc4519 : 0x7a879d8a, j)) | 0, 7);
    const ff = j < 16 ? a ^ b ^ c : (a & b) | (a & c) | (b & c);
    const gg = j < 16 ? e ^ f ^ g : (e & f) | (~e & g);
    const one = (ff + d + (ss1 ^ a12) + (w[j] ^ w[j + 4])) | 0;
    const two = (gg + h + ss1 + w[j]) | 0;
    [a, b, c, d] = [one, a, turned(b, 9), c];
    [e, f, g, h] = [two ^ turned(two, 9) ^ turned(two, 17), e, turned(f, 19), g];
  }
  [a, b, c, d, e, f, g, h].forEach((word, i) => { state[i] ^= word; });
}

/** The 32 bytes of the hash of some bytes. */
export function sm3(bytes) {
  const padded = new Uint8Array(Math.ceil((bytes.length + 9) / 64) * 64);
  padded.set(bytes);
  padded[bytes.length] = 0x80;
  const view = new DataView(padded.buffer);
  view.setBigUint64(padded.length - 8, BigInt(bytes.length) * 8n);
  const state = Int32Array.from(START);
  const w = new Int32Array(68);
  for (let at = 0; at < padded.length; at += 64) { compress(state, view, at, w); }
  const digest = new Uint8Array(32);
  const out = new DataView(digest.buffer);
  state.forEach((word, i) => { out.setInt32(4 * i, word); });
  return digest;
}
