/** Bytes and text as the protocol writes them (§1): hex in lower case, UTF-8, big-endian lengths. */

export const NOTHING = new Uint8Array(0);

const HEX_PAIRS = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));
const ENCODER = new TextEncoder();

/** Write bytes as lower-case hex. */
export function hex(bytes) {
  let text = '';
  for (const byte of bytes) text += HEX_PAIRS[byte];
  return text;
}

/** Read lower-case hex whose shape was checked before. */
export function unhex(text) {
  const bytes = new Uint8Array(text.length >> 1);
  for (let i = 0; i < bytes.length; i += 1) bytes[i] = parseInt(text.substr(2 * i, 2), 16);
  return bytes;
}

/** Encode text as UTF-8. */
export function utf8(text) {
  return ENCODER.encode(text);
}

/** Read bytes of one character each; for identifiers, which are ASCII. */
export function latin(bytes, from = 0, to = bytes.length) {
  let text = '';
  for (let i = from; i < to; i += 1) text += String.fromCharCode(bytes[i]);
  return text;
}

/** Compare two byte strings: negative, 0 or positive. */
export function compareBytes(a, b) {
  const shorter = Math.min(a.length, b.length);
  for (let i = 0; i < shorter; i += 1) if (a[i] !== b[i]) return a[i] - b[i];
  return a.length - b.length;
}

/** Sort text of ASCII or hex bytewise, without touching the original. */
export function ascending(texts) {
  return [...texts].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
}

/** Say whether a list of ASCII texts rises from each to the next, with equals allowed or not. */
export function rises(texts, equalsAllowed = false) {
  return texts.every((text, i) => i === 0 || texts[i - 1] < text || (equalsAllowed && texts[i - 1] === text));
}
