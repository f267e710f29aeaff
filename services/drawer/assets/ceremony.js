/*
 * Custody "page": an officer's (or the witness's) part of JIDRAW/1, done in this browser. The server only checks.
 *
 * The private key is made here, from 160 random bits that are the backup code; the browser's database keeps it so that no
 * script can read it. The secret of an attempt is fresh randomness (dice mixed in), kept here too, and encrypted under the
 * backup code at the server, so that another browser can go on. Needs https (or this machine itself) and Ed25519 in WebCrypto.
 */
import { sm3 } from "./sm3.js";

const LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"; // Crockford's base 32: nothing that looks like something else
const CODE_BYTES = 20;
const PKCS8 = unhex("302e020100300506032b657004220420"); // what stands before the 32 bytes of an Ed25519 key

const WORDS = {
  "zh-CN": {
    unable: "这个浏览器不能保管密钥：请用 https 打开本页，并使用较新的浏览器（Chrome、Edge 137 或 Firefox 129 以上）；也可以改由服务器代管。",
    code: "备份码不对，请核对后重新输入。",
    last: "最后一组与备份码不一致。请先抄下或打印备份码，再填写最后一组。",
    make: "请先生成密钥。",
    noKey: "这个浏览器里没有本次抽取所用的密钥。请换回生成密钥的浏览器，或者到“签名公钥”页输入备份码恢复，然后回到本页。",
    noSecret: "找不到本单位承诺时的随机数：这个浏览器里没有，服务器上的备份也打不开。请换回承诺时的浏览器。",
    restored: "已恢复。本浏览器现在保管公钥为 {key} 的密钥。",
    reached: "未能从服务器取得核对材料，请检查网络后再试。",
    hash: "清单用的杂凑算法不是 SHA-256 或国密 SM3",
    M: "清单与它的摘要不符",
    key: "清单里写的不是本单位的公钥",
    frame: "抽样框文件与清单不符",
    roster: "本单位名册与清单不符",
    commits: "有单位的承诺签名不对，或者本单位的承诺被换过",
    countersignatures: "会签不全或签名不对",
    reveal: "本单位的随机数打不开本单位的承诺",
    round: "替换请求与它的摘要不符",
    seal: "封存没有有效的签名，此时不能出示揭示值",
    signatures: "替换请求的签名不全或不对",
    refused: "核对未通过，没有签名：{what}。请勿继续，立即告知牵头部门和见证人。"
  },
  en: {
    unable: "This browser cannot keep a key: open the page by https, in a recent browser (Chrome or Edge 137, Firefox 129, or later); or leave the key to the server.",
    code: "This is no backup code; compare it and type it again.",
    last: "The last group is not the one of the backup code. Write the code down or print it first.",
    make: "Make a key first.",
    noKey: "This browser does not hold the key of this draw. Use the browser in which it was made, or restore it from the backup code on the page “Public keys”, then come back.",
    noSecret: "The secret you committed to is neither in this browser nor can the copy at the server be opened. Use the browser in which you committed.",
    restored: "Restored. This browser now keeps the key whose public half is {key}.",
    reached: "The papers could not be fetched from the server. Check the connection and try again.",
    hash: "the manifest names a hash that is neither SHA-256 nor SM3",
    M: "the manifest is not the one of its digest",
    key: "the manifest does not name your key",
    frame: "the frame file is not the manifest's",
    roster: "your roster is not the manifest's",
    commits: "a commitment is not signed by its agency, or yours was exchanged",
    countersignatures: "a countersignature is missing or wrong",
    reveal: "your secret does not open your commitment",
    round: "the round's request is not the one of its digest",
    seal: "the seal has no valid signature, and before a seal no value is shown",
    signatures: "a signature under the round's request is missing or wrong",
    refused: "Checked and not signed: {what}. Do not go on; tell the lead and the witness at once."
  }
};
const words = WORDS[document.documentElement.lang] || WORDS["zh-CN"];

class Stop extends Error {}
function refuse(what) { throw new Stop(words.refused.replace("{what}", words[what])); }

// ── bytes and the protocol's hashes (JIDRAW/1 section 1) ───────────────────────────────────────────────────────────────

function hex(bytes) { return Array.from(bytes, (one) => one.toString(16).padStart(2, "0")).join(""); }
function unhex(text) { return Uint8Array.from(text.match(/../g) || [], (pair) => parseInt(pair, 16)); }
function utf8(text) { return new TextEncoder().encode(text); }
function joined(...parts) {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) { all.set(part, at); at += part.length; }
  return all;
}
async function sha256(bytes) { return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)); }
const HASHES = { sha256, sm3: async (bytes) => sm3(bytes) };
function prefixed(bytes) {
  const length = new Uint8Array(4);
  new DataView(length.buffer).setUint32(0, bytes.length);
  return joined(length, bytes);
}
function thBy(hash) {
  return (tag, ...parts) =>
    hash(joined(...[`JIDRAW/1/${tag}`, ...parts].map((part) => prefixed(part instanceof Uint8Array ? part : utf8(String(part))))));
}
function canonical(value) {
  if (Array.isArray(value)) { return `[${value.map(canonical).join(",")}]`; }
  if (value === null || typeof value !== "object") { return JSON.stringify(value); }
  return `{${Object.keys(value).sort().map((name) => `${JSON.stringify(name)}:${canonical(value[name])}`).join(",")}}`;
}
async function tree(hash, hashes) {
  let level = hashes;
  while (level.length > 1) {
    const above = [];
    for (let i = 0; i < level.length; i += 2) {
      above.push(i + 1 < level.length ? await hash(joined(Uint8Array.of(1), level[i], level[i + 1])) : level[i]);
    }
    level = above;
  }
  return level[0];
}

// ── keys: all from the backup code ─────────────────────────────────────────────────────────────────────────────────────

async function writeCode(master) {
  const check = (await sha256(master)).subarray(0, 3);
  let bits = "";
  for (const one of joined(master, check)) { bits += one.toString(2).padStart(8, "0"); }
  return bits.slice(0, 180).match(/.{5}/g).map((five) => LETTERS[parseInt(five, 2)]).join("").match(/.{4}/g).join("-");
}
async function readCode(text) {
  const letters = text.toUpperCase().replace(/[\s-]/g, "").replace(/O/g, "0").replace(/[IL]/g, "1");
  if (letters.length !== 36 || [...letters].some((one) => !LETTERS.includes(one))) { throw new Stop(words.code); }
  const bits = [...letters].map((one) => LETTERS.indexOf(one).toString(2).padStart(5, "0")).join("");
  const master = Uint8Array.from(bits.slice(0, CODE_BYTES * 8).match(/.{8}/g), (eight) => parseInt(eight, 2));
  if ((await writeCode(master)).replace(/-/g, "") !== letters) { throw new Stop(words.code); }
  return master;
}
async function derived(master, purpose) {
  const from = await crypto.subtle.importKey("raw", master, "HKDF", false, ["deriveBits"]);
  const how = { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(0), info: utf8(`onevisit/draw/${purpose}/1`) };
  return new Uint8Array(await crypto.subtle.deriveBits(how, from, 256));
}
async function keysOf(master) {
  const seed = joined(PKCS8, await derived(master, "sign"));
  const open = await crypto.subtle.importKey("pkcs8", seed, "Ed25519", true, ["sign"]);
  const x = (await crypto.subtle.exportKey("jwk", open)).x.replace(/-/g, "+").replace(/_/g, "/");
  return {
    key: hex(Uint8Array.from(atob(x), (one) => one.charCodeAt(0))),
    sign: await crypto.subtle.importKey("pkcs8", seed, "Ed25519", false, ["sign"]),
    wrap: await crypto.subtle.importKey("raw", await derived(master, "wrap"), "AES-GCM", false, ["encrypt", "decrypt"])
  };
}
async function signed(own, message) { return hex(new Uint8Array(await crypto.subtle.sign("Ed25519", own.sign, message))); }
async function verifies(key, message, sig) {
  const theirs = await crypto.subtle.importKey("raw", unhex(key), "Ed25519", false, ["verify"]);
  return crypto.subtle.verify("Ed25519", theirs, unhex(sig), message);
}

// ── what this browser keeps ────────────────────────────────────────────────────────────────────────────────────────────

function asked(request) {
  return new Promise((done, failed) => { request.onsuccess = () => done(request.result); request.onerror = () => failed(request.error); });
}
async function inStore(store, mode, act) {
  const opening = indexedDB.open("onevisit-draw", 1);
  opening.onupgradeneeded = () => { opening.result.createObjectStore("keys"); opening.result.createObjectStore("secrets"); };
  const database = await asked(opening);
  try { return await asked(act(database.transaction(store, mode).objectStore(store))); } finally { database.close(); }
}
function keep(store, name, value) { return inStore(store, "readwrite", (in_) => in_.put(value, name)); }
function kept(store, name) { return inStore(store, "readonly", (in_) => in_.get(name)); }

// ── an attempt, checked ────────────────────────────────────────────────────────────────────────────────────────────────

async function fetched(path) {
  const answer = await fetch(path).catch(() => null);
  if (answer && answer.ok) { return answer; }
  const told = answer && (await answer.json().catch(() => null)); // problem+json: what is refused, and what to do
  if (!told || !told.title) { throw new Stop(words.reached); }
  throw new Stop(document.documentElement.lang === "en" ? `${told.title_en} ${told.detail_en}` : told.title + told.detail);
}
async function attemptOf(draw) {
  const papers = await (await fetched(`/api/drawer/v1/draws/${draw}/papers`)).json();
  const { manifest, body } = papers;
  if (!Object.hasOwn(HASHES, manifest.hash)) { refuse("hash"); }
  const hash = HASHES[manifest.hash];
  const th = thBy(hash);
  const M = await th("manifest", utf8(canonical(manifest)));
  if (hex(M) !== papers.manifest_digest) { refuse("M"); }
  const party = manifest.agencies[body] || manifest.witness;
  const own = await kept("keys", party.key);
  if (!own) { throw new Stop(words.noKey); }
  return { papers, manifest, me: body, own, hash, th, M, agencies: Object.keys(manifest.agencies).sort() };
}
async function checkFiles({ papers, manifest, me, hash, th }) { // to commit: only then the server gives frame and own roster
  const file = new Uint8Array(await (await fetched(`/api/drawer/v1/draws/${papers.draw}/frame`)).arrayBuffer());
  const [shard] = manifest.frame.shards;
  const rows = [];
  for (let from = 0, at = 0; at < file.length; at += 1) { if (file[at] === 10) { rows.push(file.subarray(from, at + 1)); from = at + 1; } }
  const chunks = [];
  for (let i = 0; i < rows.length; i += 256) { chunks.push(await hash(joined(Uint8Array.of(0), ...rows.slice(i, i + 256)))); }
  const digest = await hash(file);
  const root = await tree(hash, chunks);
  const leaf = await th("shard", shard.shard, rows.length, digest, root);
  const whole = hex(await hash(joined(Uint8Array.of(0), leaf)));
  const told = [manifest.frame.shards.length, manifest.frame.n, shard.digest, manifest.frame.root];
  if (canonical(told) !== canonical([1, rows.length, hex(digest), whole])) { refuse("frame"); }
  const { rho, ...parts } = papers.own;
  for (const [tag, value] of [["roster", parts.roster], ["recusals", parts.recused], ["pids", parts.pids]]) {
    if (hex(await th(tag, unhex(rho), utf8(canonical(value)))) !== manifest.rosters[me][tag]) { refuse("roster"); }
  }
}
async function commitsDigest({ papers, manifest, th, M, agencies }) {
  for (const agency of agencies) {
    const one = papers.commits[agency];
    const message = one && (await th("commit-msg", M, agency, unhex(one.c)));
    if (!one || !(await verifies(manifest.agencies[agency].key, message, one.sig))) { refuse("commits"); }
  }
  return th("commits", M, ...agencies.flatMap((agency) => [agency, unhex(papers.commits[agency].c)]));
}
async function opening({ manifest, th }, x) {
  let value = x;
  for (let i = 0; i < manifest.chain_len; i += 1) { value = await th("chain", value); }
  return value;
}
function commitment({ th, M, me }, s) { return th("commit", M, me, s); }

/** The secret behind one's own commitment: from this browser, else from its encrypted copy. */
async function ownSecret(at) {
  const { papers, own, M, me } = at;
  const mine = papers.commits[me].c;
  const here = await kept("secrets", mine);
  if (here) { return here; }
  const copy = unhex(papers.wrapped || "");
  try {
    const how = { name: "AES-GCM", iv: copy.subarray(0, 12), additionalData: M };
    return new Uint8Array(await crypto.subtle.decrypt(how, own.wrap, copy.subarray(12)));
  } catch (error) { throw new Stop(words.noSecret); }
}

// ── the acts: each gives the fields of its form ────────────────────────────────────────────────────────────────────────

const ACTS = {
  async commit(at, form) {
    await checkFiles(at);
    const random = crypto.getRandomValues(new Uint8Array(32));
    const dice = form.elements.dice.value.replace(/\s/g, "");
    const x = dice ? await at.th("dice", random, dice) : random;
    const c = await commitment(at, await opening(at, x));
    const iv = crypto.getRandomValues(new Uint8Array(12));
    const sealed = await crypto.subtle.encrypt({ name: "AES-GCM", iv, additionalData: at.M }, at.own.wrap, x);
    await keep("secrets", hex(c), x);
    form.elements.dice.value = ""; // the dice stay here
    const sig = await signed(at.own, await at.th("commit-msg", at.M, at.me, c));
    return { c: hex(c), sig, wrapped: hex(joined(iv, new Uint8Array(sealed))) };
  },
  async countersign(at) {
    const s = await opening(at, await ownSecret(at));
    if (hex(await commitment(at, s)) !== at.papers.commits[at.me].c) { refuse("commits"); }
    return { sig: await signed(at.own, await at.th("cd-msg", at.M, await commitsDigest(at))) };
  },
  async reveal(at) {
    const CD = await commitsDigest(at);
    const message = await at.th("cd-msg", at.M, CD);
    for (const agency of at.agencies) {
      const sig = at.papers.countersignatures[agency];
      if (!sig || !(await verifies(at.manifest.agencies[agency].key, message, sig))) { refuse("countersignatures"); }
    }
    const s = await opening(at, await ownSecret(at));
    if (hex(await commitment(at, s)) !== at.papers.commits[at.me].c) { refuse("reveal"); }
    return { value: hex(s), sig: await signed(at.own, await at.th("reveal-msg", at.M, CD, at.me, s)) };
  },
  async fault(at, form) { // a reveal that was left out of the seal, shown as evidence; without a seal it would be a secret told early
    const number = form.elements.round ? Number(form.elements.round.value) : 0;
    const round = number ? at.papers.sealed_rounds[number] || refuse("seal") : null;
    const act = round ? [unhex(round.digest)] : [at.M, await commitsDigest(at)];
    await checkSealed(at, round ? round.seal : at.papers.seal, act);
    const value = await link(at, number);
    return { value: hex(value), sig: await signed(at.own, await at.th("reveal-msg", ...act, at.me, value)) };
  },
  async seal(at) {
    const { digest, at: moment } = at.papers.to_seal;
    const message = await at.th("seal", at.M, await commitsDigest(at), unhex(digest), moment);
    return { digest, at: String(moment), sig: await signed(at.own, message) };
  },
  async dice(at, form) {
    const digits = form.elements.digits.value.replace(/\s/g, "");
    const message = await at.th("dice-msg", at.M, await commitsDigest(at), unhex(at.papers.seal.digest), digits);
    return { sig: await signed(at.own, message) };
  }
};

// Rounds: what is signed begins with D_r. The lead may see ρ and holds it against D_r; others sign what their page says.

async function roundOf(at) {
  const { papers, manifest, M } = at;
  const round = papers.round;
  if (!round) { throw new Stop(words.reached); }
  const D = unhex(round.digest);
  if (round.rho && hex(await at.th("removal", M, round.round, utf8(canonical(round.rho)))) !== round.digest) { refuse("round"); }
  return { round, D, message: await at.th("removal-msg", D), manifest };
}
async function checkSigned(at, { round, message }) {
  for (const body of round.signers) {
    const party = at.manifest.agencies[body] || at.manifest.witness;
    const sig = round.signatures[body];
    if (!sig || !(await verifies(party.key, message, sig))) { refuse("signatures"); }
  }
}
async function checkSealed(at, seal, act) { // by the witness, or by more than half of the agencies
  const { agencies, witness } = at.manifest;
  const by = witness ? [[witness.key, (seal || {}).witness]] : at.agencies.map((one) => [agencies[one].key, ((seal || {}).agencies || {})[one]]);
  const message = seal && (await at.th("seal", ...act, unhex(seal.digest), seal.at));
  let good = 0;
  for (const [key, sig] of by) { if (sig && (await verifies(key, message, sig))) { good += 1; } }
  if (good <= (witness ? 0 : at.agencies.length / 2)) { refuse("seal"); }
}
async function link(at, number) {
  let value = await ownSecret(at);
  for (let i = number; i < at.manifest.chain_len; i += 1) { value = await at.th("chain", value); }
  let end = value;
  for (let i = 0; i < number; i += 1) { end = await at.th("chain", end); }
  if (hex(await commitment(at, end)) !== at.papers.commits[at.me].c) { refuse("reveal"); }
  return value;
}
Object.assign(ACTS, {
  async "round-sign"(at) {
    return { sig: await signed(at.own, (await roundOf(at)).message) };
  },
  async "round-reveal"(at) {
    const one = await roundOf(at);
    await checkSigned(at, one);
    const z = await link(at, one.round.round);
    return { value: hex(z), sig: await signed(at.own, await at.th("reveal-msg", one.D, at.me, z)) };
  },
  async "round-seal"(at) {
    const { round, D } = await roundOf(at);
    const { digest, at: moment } = round.to_seal;
    return { digest, at: String(moment), sig: await signed(at.own, await at.th("seal", D, unhex(digest), moment)) };
  },
  async "round-dice"(at, form) {
    const { round, D } = await roundOf(at);
    const digits = form.elements.digits.value.replace(/\s/g, "");
    return { sig: await signed(at.own, await at.th("dice-msg", D, unhex(round.seal.digest), digits)) };
  }
});

// ── the pages ──────────────────────────────────────────────────────────────────────────────────────────────────────────

function say(form, text, tone) {
  form.querySelectorAll(".ov-problem").forEach((old) => old.remove());
  const problem = document.createElement("div");
  problem.className = "ov-problem";
  const alert = problem.appendChild(document.createElement("div"));
  alert.className = `ov-alert ov-alert-${tone || "bad"}`;
  alert.setAttribute("role", tone === "ok" ? "status" : "alert");
  alert.textContent = text;
  form.prepend(problem);
  problem.scrollIntoView({ block: "nearest" });
}

let fresh = null; // the keys just made, until they are registered

const FORMS = {
  async key(form) {
    if (!fresh) { throw new Stop(words.make); }
    if (form.elements.last.value.trim().toUpperCase() !== fresh.code.slice(-4)) { throw new Stop(words.last); }
    await keep("keys", fresh.key, { sign: fresh.sign, wrap: fresh.wrap });
    // A key is no draw's: what it signs to be taken is hashed with SHA-256, whatever draws it will speak in.
    const message = await thBy(sha256)("key-msg", form.dataset.county, form.dataset.body, unhex(fresh.key));
    return { key: fresh.key, sig: await signed(fresh, message) };
  },
  async restore(form) {
    const found = await keysOf(await readCode(form.elements.code.value));
    await keep("keys", found.key, { sign: found.sign, wrap: found.wrap });
    form.reset();
    say(form, words.restored.replace("{key}", `${found.key.slice(0, 12)}…`), "ok");
    return null;
  }
};
for (const [name, act] of Object.entries(ACTS)) {
  FORMS[name] = async (form) => act(await attemptOf(form.getAttribute("action").split("/")[2]), form);
}

document.addEventListener("submit", async (event) => {
  const form = event.target;
  const fill = FORMS[form.dataset.ceremony];
  if (!fill) { return; }
  if (form.dataset.signed) { delete form.dataset.signed; return; }
  event.preventDefault();
  event.stopImmediatePropagation();
  if (form.hasAttribute("aria-busy")) { return; }
  form.setAttribute("aria-busy", "true");
  try {
    const fields = await fill(form);
    form.removeAttribute("aria-busy");
    if (!fields) { return; }
    for (const [name, value] of Object.entries(fields)) { form.elements[name].value = value; }
    form.dataset.signed = "yes";
    form.requestSubmit();
  } catch (error) {
    form.removeAttribute("aria-busy");
    if (!(error instanceof Stop)) { console.warn(error); }
    say(form, error instanceof Stop ? error.message : words.unable);
  }
}, true);

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-make-key]");
  if (!button) { return; }
  const form = button.closest("form");
  try {
    const master = crypto.getRandomValues(new Uint8Array(CODE_BYTES));
    fresh = { ...(await keysOf(master)), code: await writeCode(master) };
    const sheet = form.querySelector("[data-code]");
    sheet.hidden = false;
    sheet.querySelector("output").textContent = fresh.code;
  } catch (error) { say(form, words.unable); }
});
