/** The visits root (§10) and the result digest (§13). */
import { compareBytes, hex, unhex, utf8 } from './bytes.js';
import { canonical } from './hashing.js';

/** Work out VR; `teams` is {agency: {id: pids by slot}}. */
export function visitsRoot(hashing, seed, work, teams) {
  const visits = new Map();
  for (const [agency, targets] of work) {
    for (const [id, lines] of targets) {
      if (!visits.has(id)) visits.set(id, new Map());
      visits.get(id).set(agency, [lines, teams.get(agency).get(id)]);
    }
  }
  const leaves = [];
  for (const [id, content] of visits) {
    leaves.push(hashing.th('visit', hashing.th('blind', seed, id), id, utf8(canonical(content))));
  }
  return hex(hashing.treeOf(leaves.sort(compareBytes)));
}

/** Work out the result digest; every agency is listed. */
export function resultDigest(hashing, seed, selected, teams, root) {
  return hex(hashing.th('result', seed, utf8(canonical(selected)), utf8(canonical(teams)), unhex(root)));
}
