/**
 * Verifies many records with the browser's verifier under node.
 *
 *     node tests/verifier_js/run.mjs FOLDER…
 *
 * Every folder that holds a record.json, and every such folder right below one, is a case: record.json, all *.tsv as
 * frames, keys.json and head.txt where they are there. Answers one JSON line per case, in the order of the names:
 * {"case", "exit", "verdict", "difference": {section, place, zh, en}, "unreadable", "checked", "unchecked", "notHeld",
 * "restsOn", "facts", "milliseconds", "peakMegabytes" (of the process so far)}. Exits 0 whatever the verdicts are.
 *
 * `--without FROM --with TO` replaces one piece of the verifier's text, to see a guard fail.
 */
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { core, fileSource } from './core.mjs';

function casesIn(folder) {
  if (existsSync(join(folder, 'record.json'))) return [folder];
  const inside = readdirSync(folder, { withFileTypes: true }).filter((one) => one.isDirectory());
  return inside.map((one) => join(folder, one.name)).filter((one) => existsSync(join(one, 'record.json'))).sort();
}

/** The kernel's own mark of this program; getrusage's begins with what the process that started it held (Linux). */
function peakKilobytes() {
  const [, mark] = readFileSync('/proc/self/status', 'utf8').match(/VmHWM:\s+(\d+) kB/);
  return Number(mark);
}

async function verdictOn(verifier, folder) {
  const has = (name) => existsSync(join(folder, name));
  const frames = readdirSync(folder).filter((name) => name.endsWith('.tsv')).sort();
  const files = {
    record: fileSource(join(folder, 'record.json')),
    frames: frames.map((name) => fileSource(join(folder, name))),
    keys: has('keys.json') ? fileSource(join(folder, 'keys.json')) : null,
  };
  const head = has('head.txt') ? readFileSync(join(folder, 'head.txt'), 'utf8').trim() : null;
  const started = process.hrtime.bigint();
  const report = await verifier.verify(files, { head });
  const milliseconds = Number((process.hrtime.bigint() - started) / 1000000n);
  const peakMegabytes = Math.round(peakKilobytes() / 1024);
  return { case: basename(folder), ...report, milliseconds, peakMegabytes };
}

const given = process.argv.slice(2);
const replacements = [];
while (given.includes('--without')) {
  const at = given.indexOf('--without');
  const [, from, , to] = given.splice(at, 4);
  replacements.push([from, to]);
}
const verifier = core(replacements);
for (const folder of given.flatMap(casesIn)) {
  process.stdout.write(`${JSON.stringify(await verdictOn(verifier, folder))}\n`);
}
