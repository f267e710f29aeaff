/** The verifier behind a message port: what runs in the page's worker, or, where there is none, in the page itself. */
import { hex, unhex, utf8 } from './bytes.js';
import { verifyEd25519 } from './ed25519.js';
import { Hashing } from './hashing.js';
import { Report } from './report.js';
import { verify } from './verify.js';

const BETWEEN_NEWS = 100; // milliseconds

/** Read a browser's File in slices. */
export function sourceOf(file) {
  return {
    name: file.name,
    size: file.size,
    read: async (from, to) => new Uint8Array(await file.slice(from, to).arrayBuffer()),
  };
}

/** Say whether this browser computes as it must, by three known answers (FIPS 180-4, GB/T 32905, RFC 8032). */
export function computesRight() {
  const abc = utf8('abc');
  const key = unhex('3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c');
  const signature = unhex(
    '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da'
    + '085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
  );
  return (
    hex(new Hashing('sha256').h(abc)) === 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'
    && hex(new Hashing('sm3').h(abc)) === '66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0'
    && verifyEd25519(key, Uint8Array.of(0x72), signature)
    && !verifyEd25519(key, Uint8Array.of(0x73), signature)
  );
}

function notComputing() {
  const report = new Report();
  report.notChecked('此浏览器的运算结果不对，请换一个浏览器', 'this browser computes wrongly; use another one');
  return report.asData();
}

/** Verify what the page was given: {record, frames, keys: File or null, head}; `tell` hears how far it is. */
export async function verifyFiles({ record, frames, keys, head }, tell) {
  if (!computesRight()) return notComputing();
  let last = 0;
  const progress = (news) => {
    const now = Date.now();
    if (now - last < BETWEEN_NEWS) return;
    last = now;
    tell(news);
  };
  const files = { record: sourceOf(record), frames: frames.map(sourceOf), keys: keys && sourceOf(keys) };
  return verify(files, { head, progress });
}

/** Answer one message with news and then a report; `port` is a worker's own scope. */
export function serve(port) {
  port.onmessage = async ({ data }) => {
    try {
      port.postMessage({ report: await verifyFiles(data, (news) => port.postMessage({ news })) });
    } catch (problem) {
      port.postMessage({ problem: String(problem && problem.message) });
    }
  };
}
