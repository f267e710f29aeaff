/** SHA-512 (FIPS 180-4), needed by Ed25519 only: a hundred bytes per signature, so plainness before speed. */

const SHA512_K = wordsFromRoots(80, 3n);
const SHA512_INITIAL = wordsFromRoots(8, 2n);

/** Give the first 64 bits of the fractional part of a root of each of the first primes. */
function wordsFromRoots(count, degree) {
  const words = [];
  for (let n = 2; words.length < count; n += 1) {
    let prime = true;
    for (let d = 2; d * d <= n; d += 1) if (n % d === 0) prime = false;
    if (prime) words.push(BigInt.asUintN(64, wholeRoot(BigInt(n) << (64n * degree), degree)));
  }
  return words;
}

function wholeRoot(n, degree) {
  let low = 0n;
  let high = 1n << 72n;
  while (high - low > 1n) {
    const middle = (low + high) >> 1n;
    if (middle ** degree <= n) low = middle;
    else high = middle;
  }
  return low;
}

function right(word, by) {
  return (word >> by) | BigInt.asUintN(64, word << (64n - by));
}

/** Give the 64 bytes of SHA-512. */
export function sha512(message) {
  const padded = new Uint8Array((Math.floor((message.length + 16) / 128) + 1) * 128);
  padded.set(message);
  padded[message.length] = 0x80;
  const view = new DataView(padded.buffer);
  view.setBigUint64(padded.length - 8, BigInt(message.length) * 8n);
  const state = [...SHA512_INITIAL];
  for (let at = 0; at < padded.length; at += 128) mixSha512(state, view, at);
  const digest = new DataView(new ArrayBuffer(64));
  state.forEach((word, i) => digest.setBigUint64(8 * i, word));
  return new Uint8Array(digest.buffer);
}

function mixSha512(state, view, at) {
  const w = [];
  for (let i = 0; i < 80; i += 1) {
    if (i < 16) {
      w.push(view.getBigUint64(at + 8 * i));
      continue;
    }
    const x = w[i - 15];
    const y = w[i - 2];
    const s0 = right(x, 1n) ^ right(x, 8n) ^ (x >> 7n);
    const s1 = right(y, 19n) ^ right(y, 61n) ^ (y >> 6n);
    w.push(BigInt.asUintN(64, w[i - 16] + s0 + w[i - 7] + s1));
  }
  let [a, b, c, d, e, f, g, h] = state;
  for (let i = 0; i < 80; i += 1) {
    const s1 = right(e, 14n) ^ right(e, 18n) ^ right(e, 41n);
    const t1 = h + s1 + ((e & f) ^ (~e & g)) + SHA512_K[i] + w[i];
    const s0 = right(a, 28n) ^ right(a, 34n) ^ right(a, 39n);
    const t2 = s0 + ((a & b) ^ (a & c) ^ (b & c));
    [h, g, f, e, d, c, b, a] = [g, f, e, BigInt.asUintN(64, d + t1), c, b, a, BigInt.asUintN(64, t1 + t2)];
  }
  [a, b, c, d, e, f, g, h].forEach((word, i) => {
    state[i] = BigInt.asUintN(64, state[i] + word);
  });
}
