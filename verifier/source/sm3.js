/** SM3 (GB/T 32905-2016). */
import { BlockHash } from './blockhash.js';

const SM3_INITIAL = Int32Array.of(
  0x7380166f, 0x4914b2b9, 0x172442d7, 0xda8a0600 | 0, 0xa96f30bc | 0, 0x163138aa, 0xe38dee4d | 0, 0xb0fb0e4e | 0,
);
const SM3_W = new Int32Array(68);

/** T_j turned left by j, for each of the 64 steps. */
const SM3_T = Int32Array.from({ length: 64 }, (_, j) => turn(j < 16 ? 0x79cc4519 : 0x7a879d8a, j % 32));

function turn(word, by) {
  return by === 0 ? word | 0 : (word << by) | (word >>> (32 - by));
}

function compressSm3(state, bytes, at) {
  const w = SM3_W;
  for (let j = 0, p = at; j < 16; j += 1, p += 4) {
    w[j] = (bytes[p] << 24) | (bytes[p + 1] << 16) | (bytes[p + 2] << 8) | bytes[p + 3];
  }
  for (let j = 16; j < 68; j += 1) {
    const third = w[j - 3];
    const x = w[j - 16] ^ w[j - 9] ^ ((third << 15) | (third >>> 17));
    const p1 = x ^ ((x << 15) | (x >>> 17)) ^ ((x << 23) | (x >>> 9));
    const thirteenth = w[j - 13];
    w[j] = p1 ^ ((thirteenth << 7) | (thirteenth >>> 25)) ^ w[j - 6];
  }
  let a = state[0];
  let b = state[1];
  let c = state[2];
  let d = state[3];
  let e = state[4];
  let f = state[5];
  let g = state[6];
  let h = state[7];
  for (let j = 0; j < 64; j += 1) {
    const a12 = (a << 12) | (a >>> 20);
    const sum = (a12 + e + SM3_T[j]) | 0;
    const ss1 = (sum << 7) | (sum >>> 25);
    const ff = j < 16 ? a ^ b ^ c : (a & b) | (a & c) | (b & c);
    const gg = j < 16 ? e ^ f ^ g : (e & f) | (~e & g);
    const tt1 = (ff + d + (ss1 ^ a12) + (w[j] ^ w[j + 4])) | 0;
    const tt2 = (gg + h + ss1 + w[j]) | 0;
    d = c;
    c = (b << 9) | (b >>> 23);
    b = a;
    a = tt1;
    h = g;
    g = (f << 19) | (f >>> 13);
    f = e;
    e = tt2 ^ ((tt2 << 9) | (tt2 >>> 23)) ^ ((tt2 << 17) | (tt2 >>> 15));
  }
  state[0] ^= a;
  state[1] ^= b;
  state[2] ^= c;
  state[3] ^= d;
  state[4] ^= e;
  state[5] ^= f;
  state[6] ^= g;
  state[7] ^= h;
}

/** Begin an SM3. */
export function sm3() {
  return new BlockHash(SM3_INITIAL, compressSm3);
}
