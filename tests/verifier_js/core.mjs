/** Takes the verifier out of the page that is shipped, so that tests run what people run. */
import { readFileSync, statSync, openSync, readSync, closeSync } from 'node:fs';
import { basename } from 'node:path';
import vm from 'node:vm';

const PAGE = new URL('../../verifier/verify.html', import.meta.url);
const CORE = /<script id="core">([^]*?)<\/script>/;

/** Give the core of the page, JidrawVerifier, optionally with a piece of its text replaced (a guard taken out). */
export function core(replacements = []) {
  let text = CORE.exec(readFileSync(PAGE, 'utf8'))[1];
  for (const [from, to] of replacements) {
    if (text.split(from).length !== 2) throw new Error(`not exactly once in the page: ${from}`);
    text = text.replace(from, () => to);
  }
  return vm.runInThisContext(`${text}\nJidrawVerifier;`.replace('const JidrawVerifier', 'var JidrawVerifier'));
}

/** A file on disk as the verifier wants it. */
export function fileSource(path) {
  return {
    name: basename(path),
    size: statSync(path).size,
    read: async (from, to) => {
      const bytes = new Uint8Array(to - from);
      const file = openSync(path, 'r');
      const got = readSync(file, bytes, 0, to - from, from);
      closeSync(file);
      return bytes.subarray(0, got);
    },
  };
}
