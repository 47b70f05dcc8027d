/* Checks a published log in the browser, with WebCrypto and nothing else (C2SP tlog-tiles, tlog-checkpoint, tlog-proof,
 * tlog-cosignature; RFC 6962 for the tree, RFC 8032 for Ed25519, RFC 8785 for what receipts carry).
 *
 * It stands alone: no other file is needed, so that an outsider can keep this one with verify-log.html, read it, and open
 * it from disk instead of trusting what a service serves. FacewardLog.verify() is the whole of it; below that stands what
 * a page needs to call it.
 */
"use strict";

const FacewardLog = (() => {
  /* What is said, by code. A page may bring translations of the same codes. */
  const TEXTS = {
    "browser": "This browser cannot check Ed25519 signatures. Use a newer one, or faceward-verify.",
    "insecure": "Browsers check signatures on pages that come by HTTPS, or from this machine, alone.",
    "network": "{path} cannot be fetched: {reason}",
    "key-form": "This is no log key. It is one line: name, plus sign, eight digits, plus sign, key.",
    "witness-form": "This is no witness's key: {text}",
    "key-missing": "Paste the log's key first. Take it from somewhere else than this service.",
    "note-form": "The checkpoint is malformed.",
    "origin": "The checkpoint is of the log {found}, not of {wanted}.",
    "unsigned": "The checkpoint is not signed by the key of {name}. This is another log, or the key is another's.",
    "signature": "The signature of {name} is wrong: the checkpoint was altered.",
    "cosignature": "The cosignature of the witness {name} is wrong.",
    "not-cosigned": "The witness {name} has not cosigned the log.",
    "bundle": "The published entries {path} are damaged.",
    "tile": "The published tile {path} does not follow from the entries. It was altered.",
    "root": "The entries do not lead to the root that the log signed: entries were changed, added or left out.",
    "cosigned-root": "What the witnesses cosigned at {size} entries is not what the log holds now. It was rewritten.",
    "rolled-back": "The log had {kept} entries when you looked last, and has {size} now. It was rolled back.",
    "forked": "The log does not continue what you saw at {kept} entries. It was rewritten, or you are shown another one.",
    "receipt-form": "The receipt is malformed.",
    "receipt-entry": "The receipt's entry is not the one that it proves.",
    "receipt-opening": "What the receipt says of the entry is not what the log committed to.",
    "receipt-proof": "The receipt does not prove that its entry was in the log.",
    "receipt-behind": "The receipt is of {size} entries, and the log published here has {found}. It was rolled back.",
    "receipt-fork": "The receipt's checkpoint is of another history than the log published here.",
    "did-key": "The checkpoint is signed by {name}, with the key that you gave.",
    "did-entries": "All {size} entries were hashed, and every tile follows from them.",
    "did-root": "They lead to the very root that was signed.",
    "did-period": "They are from {first} to {last}.",
    "did-witness": "The witness {name} cosigned {size} of them on {time}.",
    "did-kept": "The log continues what you saw at your last visit, at {kept} entries.",
    "did-first": "This is your first visit with this key. From now on, what you saw today is kept here and compared.",
    "did-receipt": "Your receipt's entry is number {index} of this log: {operation}, {phase}, of {time}.",
    "did-openings": "What the receipt says is what that entry committed to.",
    "verified": "Everything that was checked is true.",
    "failed": "This log failed the check.",
    "stopped": "The check could not be made.",
    "step-key": "Checking the signature",
    "step-entries": "Fetching and hashing the entries",
    "step-tree": "Computing the tree",
    "step-tiles": "Comparing the tiles",
  };

  class Failure extends Error {
    /* evidence: true where somebody altered something; false where the check could not be made at all. */
    constructor(code, values = {}, evidence = true) {
      super(say(TEXTS, code, values));
      this.code = code;
      this.values = values;
      this.evidence = evidence;
    }
  }

  const say = (texts, code, values = {}) =>
    (texts[code] ?? TEXTS[code] ?? code).replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? ""));

  const WIDTH = 256;
  const HASH = 32;
  const utf8 = new TextEncoder();
  const strict = () => new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

  const sha256 = async (bytes) => new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));

  function join(...parts) {
    const made = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
    let at = 0;
    for (const part of parts) {
      made.set(part, at);
      at += part.length;
    }
    return made;
  }

  const same = (one, other) => one.length === other.length && one.every((byte, at) => byte === other[at]);
  const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

  /* Base 64 in its one canonical spelling, or null. */
  function fromBase64(text) {
    if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text)) return null;
    try {
      const raw = atob(text);
      return btoa(raw) === text ? Uint8Array.from(raw, (letter) => letter.charCodeAt(0)) : null;
    } catch {
      return null;
    }
  }

  const decimal = (text) => (/^(0|[1-9][0-9]{0,14})$/.test(text) ? Number(text) : null);

  /* Keys and notes (C2SP signed-note). */

  const LOG_KEY = 1;
  const WITNESS_KEY = 4;

  async function parseKey(text, type) {
    const parts = text.trim().split("+");
    const wrong = () => new Failure(type === LOG_KEY ? "key-form" : "witness-form", { text: text.trim() }, false);
    // The key itself is Base 64 and may hold plus signs; names hold none.
    const [name, id, encoded] = [parts[0], parts[1], parts.slice(2).join("+")];
    const data = fromBase64(encoded ?? "");
    if (!name || /\s/.test(name) || !data || data.length !== 33 || data[0] !== type) throw wrong();
    const known = (await sha256(join(utf8.encode(`${name}\n`), data))).slice(0, 4);
    if (hex(known) !== id) throw wrong();
    let key;
    try {
      key = await crypto.subtle.importKey("raw", data.slice(1), { name: "Ed25519" }, false, ["verify"]);
    } catch {
      throw new Failure("browser", {}, false);
    }
    return { name, id: known, key, text: text.trim() };
  }

  function parseNote(encoded, code) {
    const cut = encoded.lastIndexOf("\n\n");
    if (cut < 0 || !encoded.endsWith("\n") || /[\u0000-\u0009\u000b-\u001f]/.test(encoded)) throw new Failure(code);
    const signatures = encoded.slice(cut + 2, -1).split("\n").map((line) => {
      const found = /^\u2014 ([^ \n]+) ([A-Za-z0-9+/]+={0,2})$/.exec(line);
      const data = found && fromBase64(found[2]);
      if (!data || data.length < 5) throw new Failure(code);
      return { name: found[1], id: data.slice(0, 4), signature: data.slice(4) };
    });
    return { text: encoded.slice(0, cut + 1), signatures };
  }

  function parseCheckpoint(encoded, code = "note-form") {
    const note = parseNote(encoded, code);
    const lines = note.text.split("\n");
    const size = decimal(lines[1] ?? "");
    const root = fromBase64(lines[2] ?? "");
    if (lines.length < 4 || lines.pop() !== "" || lines.some((line) => !line)) throw new Failure(code);
    if (size === null || !root || root.length !== HASH) throw new Failure(code);
    return { note, encoded, origin: lines[0], size, root };
  }

  const signed = (key, signature, text) => crypto.subtle.verify({ name: "Ed25519" }, key.key, signature, utf8.encode(text));

  async function openCheckpoint(encoded, key, code) {
    const checkpoint = parseCheckpoint(encoded, code);
    const mine = checkpoint.note.signatures.find((one) => one.name === key.name && same(one.id, key.id));
    if (!mine) throw new Failure("unsigned", { name: key.name });
    if (!(await signed(key, mine.signature, checkpoint.note.text))) throw new Failure("signature", { name: key.name });
    if (checkpoint.origin !== key.name) throw new Failure("origin", { found: checkpoint.origin, wanted: key.name });
    return checkpoint;
  }

  /* The latest time, in seconds since 1970, at which a witness cosigned a checkpoint; null where it did not. */
  async function cosigned(checkpoint, witness) {
    let latest = null;
    for (const one of checkpoint.note.signatures) {
      if (one.name !== witness.name || !same(one.id, witness.id)) continue;
      const time = one.signature.length === 72 ? new DataView(one.signature.slice(0, 8).buffer).getBigUint64(0) : null;
      const text = `cosignature/v1\ntime ${time}\n${checkpoint.note.text}`;
      if (time === null || !(await signed(witness, one.signature.slice(8), text))) {
        throw new Failure("cosignature", { name: witness.name });
      }
      latest = Math.max(latest ?? 0, Number(time));
    }
    return latest;
  }

  /* Tiles (C2SP tlog-tiles). */

  function indexPath(index) {
    const elements = [String(index % 1000).padStart(3, "0")];
    for (let rest = Math.floor(index / 1000); rest > 0; rest = Math.floor(rest / 1000)) {
      elements.unshift(`x${String(rest % 1000).padStart(3, "0")}`);
    }
    return elements.join("/");
  }

  const tilePath = (level, index, width) =>
    `tile/${level}/${indexPath(index)}${width < WIDTH ? `.p/${width}` : ""}`;

  function parseBundle(data, width, path) {
    const leaves = [];
    let at = 0;
    while (at < data.length && leaves.length <= width) {
      const end = at + 2 + (data[at] << 8) + (data[at + 1] ?? 0);
      leaves.push(data.subarray(at + 2, end));
      at = end;
    }
    if (at !== data.length || leaves.length !== width) throw new Failure("bundle", { path });
    return leaves;
  }

  /* The tree (RFC 6962 §2.1): the hashes of all complete subtrees, level by level. */

  const leafHash = (data) => sha256(join(Uint8Array.of(0), data));
  const nodeHash = (left, right) => sha256(join(Uint8Array.of(1), left, right));

  async function buildLevels(leaves, told) {
    const levels = [leaves];
    const all = leaves.length / HASH;
    let done = 0;
    while (levels.at(-1).length / HASH > 1) {
      const below = levels.at(-1);
      const count = Math.floor(below.length / HASH / 2);
      const level = new Uint8Array(count * HASH);
      for (let start = 0; start < count; start += 1024) {
        const places = Array.from({ length: Math.min(1024, count - start) }, (_, at) => start + at);
        const made = await Promise.all(places.map((at) => nodeHash(
          below.subarray(at * 2 * HASH, (at * 2 + 1) * HASH), below.subarray((at * 2 + 1) * HASH, (at * 2 + 2) * HASH))));
        made.forEach((one, at) => level.set(one, (start + at) * HASH));
        done += made.length;
        told("step-tree", done, all);
      }
      levels.push(level);
    }
    return levels;
  }

  /* The root of the tree over the first leaves: complete subtrees, folded from the right. */
  async function rootAt(levels, size) {
    if (size === 0) return sha256(new Uint8Array());
    const nodes = [];
    for (let level = levels.length - 1, first = 0; level >= 0; level -= 1) {
      const span = 2 ** level;
      if (size - first >= span) {
        const at = first / span;
        nodes.push(levels[level].subarray(at * HASH, (at + 1) * HASH));
        first += span;
      }
    }
    let folded = nodes.pop();
    while (nodes.length) folded = await nodeHash(nodes.pop(), folded);
    return folded;
  }

  /* RFC 9162 §2.1.3.2. */
  async function included(hashed, index, size, proof, root) {
    let [number, last, computed] = [index, size - 1, hashed];
    if (index < 0 || index >= size) return false;
    for (const sibling of proof) {
      if (last === 0) return false;
      if (number % 2 === 1 || number === last) {
        computed = await nodeHash(sibling, computed);
        while (number % 2 === 0 && number !== 0) [number, last] = [Math.floor(number / 2), Math.floor(last / 2)];
      } else {
        computed = await nodeHash(computed, sibling);
      }
      [number, last] = [Math.floor(number / 2), Math.floor(last / 2)];
    }
    return last === 0 && same(computed, root);
  }

  /* Receipts (C2SP tlog-proof), with what Faceward's carry. */

  /* RFC 8785: keys by their UTF-16 code units, numbers and strings as ECMAScript writes them. */
  function canonical(value) {
    if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
    if (value === null || typeof value !== "object") return JSON.stringify(value);
    const keys = Object.keys(value).sort((one, other) => (one < other ? -1 : 1));
    return `{${keys.map((key) => `${JSON.stringify(key)}:${canonical(value[key])}`).join(",")}}`;
  }

  async function parseReceipt(text, key) {
    const wrong = new Failure("receipt-form");
    const cut = text.indexOf("\n\n");
    const lines = text.slice(0, Math.max(cut, 0)).split("\n");
    if (cut < 0 || lines.shift() !== "c2sp.org/tlog-proof@v1") throw wrong;
    let content = null;
    if (lines[0]?.startsWith("extra ")) {
      const extra = fromBase64(lines.shift().slice("extra ".length));
      try {
        const plain = strict().decode(extra ?? Uint8Array.of(255));
        content = JSON.parse(plain);
        if (canonical(content) !== plain) throw wrong;
      } catch {
        throw wrong;
      }
    }
    const index = decimal((lines.shift() ?? "").replace(/^index /, ""));
    const proof = lines.map(fromBase64);
    if (index === null || !content?.entry || proof.some((one) => !one || one.length !== HASH) || proof.length > 63) {
      throw wrong;
    }
    const checkpoint = await openCheckpoint(text.slice(cut + 2), key, "receipt-form");
    return { index, proof, checkpoint, content };
  }

  async function checkReceipt(receipt) {
    const { index, proof, checkpoint, content } = receipt;
    const hashed = await leafHash(utf8.encode(canonical(content.entry)));
    if (!(await included(hashed, index, checkpoint.size, proof, checkpoint.root))) throw new Failure("receipt-proof");
    for (const [slot, opening] of Object.entries(content.openings ?? {})) {
      const salt = fromBase64(String(opening?.salt ?? "")) ?? Uint8Array.of();
      const domain = utf8.encode("faceward/commitment/v1\u0000");
      const digest = await sha256(join(domain, salt, utf8.encode(canonical(opening?.details ?? null))));
      const committed = fromBase64(String(content.entry.commitments?.[slot] ?? "")) ?? Uint8Array.of();
      if (salt.length !== 32 || !same(digest, committed)) throw new Failure("receipt-opening");
    }
    return hashed;
  }

  /* Everything.
   *
   * base: where `checkpoint` and `tile/` lie, ending in a slash. key: the log's key, as text. witnesses: keys of
   * witnesses that must have cosigned. kept: the checkpoint that was seen last, or "". receipt: a receipt, or "".
   * told(code, done, all): progress. Returns what was proven; throws a Failure.
   */
  async function verify({ base, key: keyText, witnesses = [], kept = "", receipt = "", told = () => {}, fetcher }) {
    if (!globalThis.crypto?.subtle) throw new Failure("insecure", {}, false);
    if (!keyText.trim()) throw new Failure("key-missing", {}, false);
    const get = fetcher ?? ((path) => download(base, path));
    const found = [];
    const did = (code, values = {}) => found.push({ code, values });

    // 1. The signed checkpoint, and the keys that it is checked with.
    told("step-key", 0, 1);
    const key = await parseKey(keyText, LOG_KEY);
    const watchers = [];
    for (const one of witnesses) watchers.push(await parseKey(one, WITNESS_KEY));
    // The latest checkpoint that witnesses cosigned may be some entries behind, never ahead of what is fetched next.
    const note = watchers.length ? await get("cosigned", true) : null;
    const behind = note && (await openCheckpoint(decoded(note, "note-form"), key));
    const head = await openCheckpoint(decoded(await get("checkpoint"), "note-form"), key);
    did("did-key", { name: key.name });
    const before = kept ? await openCheckpoint(kept, key) : null;
    if (behind && behind.size > head.size) throw new Failure("cosigned-root", { size: behind.size });
    if (before && before.size > head.size) throw new Failure("rolled-back", { kept: before.size, size: head.size });
    const held = receipt ? await parseReceipt(receipt, key) : null;
    const held_leaf = held && (await checkReceipt(held));
    if (held && held.checkpoint.size > head.size) {
      throw new Failure("receipt-behind", { size: held.checkpoint.size, found: head.size });
    }

    // 2. Every entry is fetched and hashed.
    const { hashes, first, last } = await hashEntries(get, head.size, told);

    // 3. They lead to the root that was signed.
    const levels = await buildLevels(hashes, told);
    if (!same(await rootAt(levels, head.size), head.root)) throw new Failure("root");

    // 4. Every published tile follows from them.
    await compareTiles(get, levels, head.size, told);
    did("did-entries", { size: head.size });
    did("did-root");
    if (first) did("did-period", { first, last });

    // 5. Witnesses cosigned this history, and no other.
    for (const watcher of watchers) did("did-witness", await witnessed(watcher, [head, behind], levels));

    // 6. It continues what was seen before.
    if (before && !same(await rootAt(levels, before.size), before.root)) throw new Failure("forked", { kept: before.size });
    did(before ? "did-kept" : "did-first", { kept: before?.size });

    // 7. The receipt is of this history.
    if (held) {
      const place = hashes.subarray(held.index * HASH, (held.index + 1) * HASH);
      if (!same(await rootAt(levels, held.checkpoint.size), held.checkpoint.root)) throw new Failure("receipt-fork");
      if (!same(place, held_leaf)) throw new Failure("receipt-entry");
      const { operation, phase, time } = held.content.entry;
      did("did-receipt", { index: held.index, operation, phase, time: moment(time) });
      if (Object.keys(held.content.openings ?? {}).length) did("did-openings");
    }
    return { found, checkpoint: head.encoded, size: head.size, root: hex(head.root), name: key.name };
  }

  async function witnessed(watcher, checkpoints, levels) {
    for (const seen of checkpoints) {
      const time = seen && (await cosigned(seen, watcher));
      if (time === null) continue;
      if (!same(await rootAt(levels, seen.size), seen.root)) throw new Failure("cosigned-root", { size: seen.size });
      return { name: watcher.name, size: seen.size, time: moment(time * 1000) };
    }
    throw new Failure("not-cosigned", { name: watcher.name });
  }

  async function hashEntries(get, size, told) {
    const hashes = new Uint8Array(size * HASH);
    const ends = {};
    for (let start = 0; start < size; start += WIDTH) {
      const width = Math.min(WIDTH, size - start);
      const path = tilePath("entries", start / WIDTH, width);
      const leaves = parseBundle(await get(path), width, path);
      const made = await Promise.all(leaves.map(leafHash));
      made.forEach((one, at) => hashes.set(one, (start + at) * HASH));
      if (start === 0) ends.first = timeOf(leaves[0]);
      ends.last = timeOf(leaves.at(-1));
      told("step-entries", start + width, size);
    }
    return { hashes, ...ends };
  }

  async function compareTiles(get, levels, size, told) {
    const all = Math.ceil(size / WIDTH);
    for (let level = 0, count = size; count > 0; level += 1, count = Math.floor(count / WIDTH)) {
      for (let start = 0; start < count; start += WIDTH) {
        const width = Math.min(WIDTH, count - start);
        const path = tilePath(level, start / WIDTH, width);
        const known = levels[level * 8].subarray(start * HASH, (start + width) * HASH);
        if (!same(await get(path), known)) throw new Failure("tile", { path });
        if (level === 0) told("step-tiles", start / WIDTH + 1, all);
      }
    }
  }

  function timeOf(leaf) {
    try {
      return moment(JSON.parse(strict().decode(leaf)).time);
    } catch {
      return "?";
    }
  }

  function moment(value) {
    const when = new Date(value);
    return Number.isNaN(when.getTime()) ? String(value) : `${when.toISOString().slice(0, 16).replace("T", " ")} UTC`;
  }

  function decoded(bytes, code) {
    try {
      return strict().decode(bytes);
    } catch {
      throw new Failure(code);
    }
  }

  async function download(base, path, absent = false) {
    let response;
    try {
      response = await fetch(base + path, { credentials: "omit", cache: "no-cache" });
    } catch (error) {
      throw new Failure("network", { path, reason: error.message }, false);
    }
    if (absent && response.status === 404) return null;
    if (!response.ok) throw new Failure("network", { path, reason: response.status }, false);
    return new Uint8Array(await response.arrayBuffer());
  }

  return { TEXTS, Failure, verify, say, download };
})();

if (typeof module !== "undefined") module.exports = FacewardLog;

/* The page: a form with what is known beforehand, and below it what came of it. */
if (typeof document !== "undefined") {
  document.addEventListener("DOMContentLoaded", () => {
    const form = document.querySelector("form[data-verify-log]");
    if (!form) return;
    const texts = { ...FacewardLog.TEXTS, ...JSON.parse(form.dataset.texts || "{}") };
    const field = (name) => form.elements.namedItem(name);
    const shown = document.getElementById("verify-result");
    const progress = document.getElementById("verify-progress");
    const step = document.getElementById("verify-step");
    const base = () => (field("base")?.value || form.dataset.base || "").replace(/\/*$/, "/");
    const place = (what) => `faceward-log ${new URL(base(), location.href).href} ${what}`;
    const recall = (what) => localStorage.getItem(place(what)) ?? "";

    // What a visitor sees last is compared with what this very key signed; another key is another log.
    const keptPlace = (key) => `checkpoint ${key.trim()}`;

    for (const name of ["key", "witnesses"]) if (!field(name).value) field(name).value = recall(name);
    form.hidden = false;

    document.getElementById("verify-first-use")?.addEventListener("click", async () => {
      try {
        const bytes = await FacewardLog.download(base(), "vkey");
        field("key").value = new TextDecoder().decode(bytes).trim();
        field("key").focus();
      } catch (error) {
        fail(error);
      }
    });

    document.getElementById("verify-forget")?.addEventListener("click", () => {
      const start = place("");
      for (const name of Object.keys(localStorage)) if (name.startsWith(start)) localStorage.removeItem(name);
      for (const name of ["key", "witnesses"]) field(name).value = "";
      shown.replaceChildren();
    });

    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const button = form.querySelector("button[type=submit], button:not([type])");
      const key = field("key").value.trim();
      button.disabled = true;
      shown.replaceChildren();
      progress.hidden = step.hidden = false;
      try {
        const result = await FacewardLog.verify({
          base: base(),
          key,
          witnesses: field("witnesses").value.split("\n").map((line) => line.trim()).filter(Boolean),
          kept: recall(keptPlace(key)),
          receipt: field("receipt").value.replace(/\r\n/g, "\n").replace(/\n*$/, "\n").replace(/^\n+$/, ""),
          told: (code, done, all) => {
            step.textContent = FacewardLog.say(texts, code);
            progress.max = Math.max(1, all);
            progress.value = done;
          },
        });
        localStorage.setItem(place("key"), key);
        localStorage.setItem(place("witnesses"), field("witnesses").value);
        localStorage.setItem(place(keptPlace(key)), result.checkpoint);
        show("good", "verified", result.found.map((one) => FacewardLog.say(texts, one.code, one.values)));
        detail(result.checkpoint);
      } catch (error) {
        fail(error, recall(keptPlace(key)));
      } finally {
        button.disabled = false;
        progress.hidden = step.hidden = true;
      }
    });

    function fail(error, kept = "") {
      const known = error instanceof FacewardLog.Failure;
      const said = known ? FacewardLog.say(texts, error.code, error.values) : String(error);
      show("bad", known && error.evidence ? "failed" : "stopped", [said]);
      shown.dataset.code = known ? error.code : "error";
      if (known && ["forked", "rolled-back"].includes(error.code)) detail(kept);
    }

    function show(kind, title, lines) {
      const notice = document.createElement("div");
      notice.className = `notice ${kind}`;
      const inner = document.createElement("div");
      const heading = document.createElement("p");
      heading.className = "notice-title";
      heading.textContent = FacewardLog.say(texts, title);
      const list = document.createElement("ul");
      for (const line of lines) {
        const item = document.createElement("li");
        item.textContent = line;
        list.append(item);
      }
      inner.append(heading, list);
      notice.append(inner);
      shown.dataset.code = title;
      shown.replaceChildren(notice);
    }

    function detail(checkpoint) {
      if (!checkpoint) return;
      const text = document.createElement("pre");
      text.tabIndex = 0;
      text.textContent = checkpoint;
      shown.append(text);
    }
  });
}
