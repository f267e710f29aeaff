/**
 * Ed25519 (RFC 8032) in whole numbers: verification only, and strict.
 *
 * Canonical encodings of A and R, S < L, k reduced mod L, no cofactor (protocol §1). A key of small order is no key:
 * under it anybody can make something that fits the equation.
 */
import { hex } from './bytes.js';
import { sha512 } from './sha512.js';

const P25519 = (1n << 255n) - 19n;
const ORDER25519 = (1n << 252n) + 27742317777372353535851937790883648493n;
const D25519 = fieldDivide(-121665n, 121666n);
const TWICE_D25519 = reduced(2n * D25519);
const SQRT_MINUS_1 = power(2n, (P25519 - 1n) / 4n);
const LOW_255 = (1n << 255n) - 1n;
/** Points are [X, Y, Z, T] with x = X/Z, y = Y/Z, xy = T/Z. */
const IDENTITY = [0n, 1n, 1n, 0n];
/** The base point has y = 4/5 and an even x. */
const BASE25519 = decodePoint(littleEndian(fieldDivide(4n, 5n)));
const BASE_MULTIPLES = oddMultiples(BASE25519, 64);
const KEY_MULTIPLES = new Map();

function reduced(x) {
  const rest = x % P25519;
  return rest < 0n ? rest + P25519 : rest;
}

/** Multiply in the field; cheaper than % because 2^255 = 19. */
function times(a, b) {
  let x = a * b;
  x = (x & LOW_255) + 19n * (x >> 255n);
  x = (x & LOW_255) + 19n * (x >> 255n);
  return x >= P25519 ? x - P25519 : x;
}

function power(base, exponent) {
  let result = 1n;
  for (let square = base, e = exponent; e > 0n; e >>= 1n, square = (square * square) % P25519) {
    if (e & 1n) result = (result * square) % P25519;
  }
  return result;
}

function fieldDivide(a, b) {
  return reduced(a * power(reduced(b), P25519 - 2n));
}

function littleEndian(number) {
  const bytes = new Uint8Array(32);
  for (let i = 0, rest = number; i < 32; i += 1, rest >>= 8n) bytes[i] = Number(rest & 255n);
  return bytes;
}

/** Read a little-endian number. */
export function numberFromLittleEndian(bytes) {
  return BigInt(`0x${hex(Uint8Array.from(bytes).reverse())}`);
}

/** Read a point from its 32 bytes, or null where they are no canonical encoding of one (RFC 8032 §5.1.3). */
export function decodePoint(bytes) {
  const number = numberFromLittleEndian(bytes);
  const sign = number >> 255n;
  const y = number & LOW_255;
  if (y >= P25519) return null;
  const u = reduced(y * y - 1n);
  const v = reduced(D25519 * y * y + 1n);
  const v3 = times(times(v, v), v);
  let x = times(times(u, v3), power(times(u, times(v3, times(v3, v))), (P25519 - 5n) / 8n));
  const check = times(v, times(x, x));
  if (check === reduced(-u)) x = times(x, SQRT_MINUS_1);
  else if (check !== u) return null;
  if (x === 0n && sign === 1n) return null;
  if ((x & 1n) !== sign) x = P25519 - x;
  return [x, y, 1n, times(x, y)];
}

function addPoints(p, q) {
  const a = times(p[1] - p[0] + P25519, q[1] - q[0] + P25519);
  const b = times(p[1] + p[0], q[1] + q[0]);
  const c = times(times(p[3], TWICE_D25519), q[3]);
  const d = times(2n * p[2], q[2]);
  const e = b - a + P25519;
  const f = d - c + P25519;
  const g = d + c;
  const h = b + a;
  return [times(e, f), times(g, h), times(f, g), times(e, h)];
}

function doublePoint(p) {
  const a = times(p[0], p[0]);
  const b = times(p[1], p[1]);
  const c = 2n * times(p[2], p[2]);
  const h = a + b;
  const both = p[0] + p[1];
  const e = h - times(both, both) + P25519;
  const g = a - b + P25519;
  const f = c + g;
  return [times(e, f), times(g, h), times(f, g), times(e, h)];
}

function negate(p) {
  return [P25519 - p[0], p[1], p[2], P25519 - p[3]];
}

function samePoint(p, q) {
  return times(p[0], q[2]) === times(q[0], p[2]) && times(p[1], q[2]) === times(q[1], p[2]);
}

/** Give 1·p, 3·p, 5·p … */
function oddMultiples(p, count) {
  const twice = doublePoint(p);
  const multiples = [p];
  while (multiples.length < count) multiples.push(addPoints(multiples[multiples.length - 1], twice));
  return multiples;
}

/** Write a number as signed odd digits |d| < 2^(width - 1), at most one in every `width` places (lowest first). */
function signedDigits(number, width) {
  const digits = [];
  const modulus = 1 << width;
  for (let rest = number; rest > 0n; rest >>= 1n) {
    let digit = 0;
    if (rest & 1n) {
      digit = Number(rest & BigInt(modulus - 1));
      if (digit >= modulus / 2) digit -= modulus;
      rest -= BigInt(digit);
    }
    digits.push(digit);
  }
  return digits;
}

/** Work out s·B + k·Q in one pass. */
function combine(s, k, multiplesOfQ) {
  const ofB = signedDigits(s, 8);
  const ofQ = signedDigits(k, 6);
  let sum = IDENTITY;
  for (let i = Math.max(ofB.length, ofQ.length) - 1; i >= 0; i -= 1) {
    sum = doublePoint(sum);
    sum = addDigit(sum, ofB[i], BASE_MULTIPLES);
    sum = addDigit(sum, ofQ[i], multiplesOfQ);
  }
  return sum;
}

function addDigit(sum, digit, multiples) {
  if (!digit) return sum;
  const multiple = multiples[(Math.abs(digit) - 1) >> 1];
  return addPoints(sum, digit > 0 ? multiple : negate(multiple));
}

/** Give the multiples of -A for a public key, or null for bytes that are no key; remembered, parties sign often. */
function multiplesOfKey(key) {
  const name = hex(key);
  if (!KEY_MULTIPLES.has(name)) {
    if (KEY_MULTIPLES.size > 256) KEY_MULTIPLES.clear();
    const a = decodePoint(key);
    const small = a === null || samePoint(doublePoint(doublePoint(doublePoint(a))), IDENTITY);
    KEY_MULTIPLES.set(name, small ? null : oddMultiples(negate(a), 16));
  }
  return KEY_MULTIPLES.get(name);
}

/** Verify a signature: S·B = R + k·A, checked as S·B − k·A = R. */
export function verifyEd25519(key, message, signature) {
  if (key.length !== 32 || signature.length !== 64) return false;
  const s = numberFromLittleEndian(signature.subarray(32));
  if (s >= ORDER25519) return false;
  const multiples = multiplesOfKey(key);
  const r = decodePoint(signature.subarray(0, 32));
  if (multiples === null || r === null) return false;
  const hashed = new Uint8Array(64 + message.length);
  hashed.set(signature.subarray(0, 32));
  hashed.set(key, 32);
  hashed.set(message, 64);
  const k = numberFromLittleEndian(sha512(hashed)) % ORDER25519;
  return samePoint(combine(s, k, multiples), r);
}
