/*
 * Check a visit's proof in this browser (JIDRAW/1 sections 1, 10, 13): the leaf is hashed up its path and compared with
 * the visits root on the page. SM3 is worked out here; SHA-256 by WebCrypto, which is there with https or on this machine
 * itself: without it check_visit.py does it.
 */
import { sm3 } from "./sm3.js";

const check = document.getElementById("leaf-check");
const bytes = (hex) => Uint8Array.from(hex.match(/../g) || [], (two) => parseInt(two, 16));
const text = (words) => new TextEncoder().encode(words);
const joined = (parts) => Uint8Array.from(parts.flatMap((part) => [...part]));
const HASHES = { sha256: async (data) => new Uint8Array(await crypto.subtle.digest("SHA-256", data)), sm3: async (data) => sm3(data) };
const able = (hash) => hash === "sm3" || (hash === "sha256" && Boolean(globalThis.crypto?.subtle));
const length = (part) => new Uint8Array([part.length >>> 24, part.length >>> 16, part.length >>> 8, part.length]);
const hasher = (name) => (...parts) => HASHES[name](joined(parts));
const tagged = (hashed, tag, ...parts) => hashed(...[text(`JIDRAW/1/${tag}`), ...parts].flatMap((part) => [length(part), part]));

/** JCS of what happens at the visit: agencies ascending, [lines, team]. */
function canonical(entry) {
  const agencies = Object.keys(entry).sort();
  return `{${agencies.map((agency) => `${JSON.stringify(agency)}:${JSON.stringify(entry[agency])}`).join(",")}}`;
}

async function rootOf(proof) {
  const hashed = hasher(proof.hash);
  const leaf = await tagged(hashed, "visit", bytes(proof.blind), text(proof.entity), text(canonical(proof.entry)));
  const neighbours = proof.path.neighbours.map(bytes);
  let node = await hashed([0], leaf);
  for (let place = proof.path.index, width = proof.path.size; width > 1; place >>= 1, width = (width + 1) >> 1) {
    if ((place ^ 1) >= width) continue; // an odd node rises alone
    const other = neighbours.shift();
    node = await (place % 2 ? hashed([1], other, node) : hashed([1], node, other));
  }
  return neighbours.length ? "" : [...node].map((one) => one.toString(16).padStart(2, "0")).join("");
}

async function verdict() {
  try {
    const proof = await (await fetch(check.dataset.proof)).json();
    if (!able(proof.hash)) return "unable";
    return (await rootOf(proof)) === check.dataset.root ? "right" : "wrong";
  } catch {
    return "unable";
  }
}

const found = await verdict();
check.querySelector(`[data-says="${found}"]`).hidden = false;

// Who came: staff number and salt give a pid (section 3). Nothing of it leaves this page.

async function whoCame(shown) {
  const [staff, salt, ...more] = shown.trim().split(/\s+/);
  if (!staff || more.length || !/^[0-9a-f]{64}$/i.test(salt || "")) return "unread";
  try {
    const proof = await (await fetch(check.dataset.proof)).json();
    if (!able(proof.hash)) return "cannot";
    const pid = [...(await tagged(hasher(proof.hash), "pid", bytes(salt), text(staff)))].map((one) => one.toString(16).padStart(2, "0")).join("");
    return Object.values(proof.entry).some(([, team]) => team.includes(pid)) ? "drawn" : "other";
  } catch {
    return "cannot";
  }
}

const who = document.getElementById("pid-check");
who.querySelector("[data-check-pid]").addEventListener("click", async () => {
  const answer = await whoCame(document.getElementById("shown").value);
  for (const one of who.querySelectorAll("[data-says]")) one.hidden = one.dataset.says !== answer;
});
