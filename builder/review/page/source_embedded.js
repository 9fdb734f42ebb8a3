// Where items come from and decisions go in a page without a server: the records are in this file, decisions are kept in
// this browser until they are saved as a file. The methods and their answers are those of source_server.js.
"use strict";

(() => {
  const { kept, embedded, fold } = window.kilopair;
  const DECIDED = ["accepted", "rejected", "edited", "repaired", "disputed"];
  const BULK = ["accept", "reject", "skip"];
  const MINUTE = 60_000;
  const PAUSE = 3 * MINUTE; // after a longer one a new sitting begins
  const LEAST = 5; // decisions of a sitting, below which nobody knows how fast it goes
  const held = JSON.parse(document.getElementById("embedded").textContent);
  const items = embedded.items(held);
  const byId = new Map(items.map((item) => [item.row.id, item]));
  const documents = new Map(held.documents.map((document) => [document.id, document]));
  const own = new Map(); // op -> event of this browser; its seq goes on from the log's
  let standings = {};
  let isKept = kept.set("seen", "1"); // false if this browser keeps nothing, or refused to keep a decision
  let told = () => {}; // called when there is something new to save

  class Refusal extends Error {
    constructor(message, status) {
      super(message);
      this.status = status;
      this.body = { error: message };
    }
  }

  function name() {
    return (kept.get("name") ?? held.reviewer).trim();
  }

  // Read what this browser holds, also what another tab has added since; nobody else writes under this file's name.
  function adopt() {
    const before = own.size;
    for (const key of kept.keys("decided/")) {
      const op = key.slice("decided/".length);
      if (own.has(op)) continue;
      try {
        own.set(op, JSON.parse(kept.get(key)));
      } catch {
        // removed by another tab while we looked
      }
    }
    if (own.size !== before) refold();
  }

  function refold() {
    const who = name() || "you";
    standings = fold.standings([...held.events, ...[...own.values()].map((event) => ({ ...event, reviewer: who }))]);
    told();
  }

  const newest = () => [...own.values()].reduce((most, event) => Math.max(most, event.seq), held.last);

  function send(events) {
    adopt();
    events.forEach(check);
    let seq = newest();
    const fresh = events.filter((event) => !own.has(event.op));
    for (const event of fresh) {
      seq += 1;
      store(filled(event, seq));
    }
    if (fresh.length) refold();
    const touched = touchedBy(events);
    return {
      stored: events.map((event) => ({ op: event.op, seq: own.get(event.op).seq })),
      standings: Object.fromEntries([...touched].map((id) => [id, standingOf(id)])),
      conflicts: [],
      progress: progress(),
    };
  }

  function check(event) {
    if (own.has(event.op)) return;
    if (event.action !== "undo" && !byId.has(event.item)) throw new Refusal(`${event.item}: not in this file`, 404);
    if (event.action === "undo" && !isThere(event.undoes)) throw new Refusal("there is nothing to undo", 400);
    const problems = event.after ? problemsOf(event.item, event.after) : [];
    if (problems.length) throw new Refusal(`${event.item}: ${problems[0].field}: ${problems[0].message}`, 400);
  }

  const isThere = (target) => [...own.values()].some((event) => event.op === target || event.bulk === target);

  function filled(event, seq) {
    const item = byId.get(event.item);
    const about = item ? { key: item.key, document: item.row.document_id } : {};
    const before = ["edit", "repair"].includes(event.action) && !event.before ? { before: textsOf(item.card) } : {};
    return { at: new Date().toISOString(), ...event, ...before, ...about, seq };
  }

  function textsOf({ instruction, input, output, history }) {
    return { instruction, input, output, history };
  }

  function store(event) {
    own.set(event.op, event);
    isKept = kept.set(`decided/${event.op}`, JSON.stringify(event)) && isKept;
  }

  // The items of events; of an undo those of what it takes back.
  function touchedBy(events) {
    const touched = new Set();
    const all = [...own.values()];
    const look = (event) => {
      if (event.action !== "undo") touched.add(event.item);
      else all.filter((one) => one.op === event.undoes || (one.bulk && one.bulk === event.undoes)).forEach(look);
    };
    events.forEach(look);
    return touched;
  }

  function standingOf(id) {
    const none = { item: id, key: byId.get(id).key, state: "undecided", decisions: [], reason: "", texts: null, seq: 0 };
    return standings[id] || none;
  }

  function bulk({ filter, expect, action, reason, note, op }) {
    if (!BULK.includes(action)) throw new Refusal(`${action}: not for many at once`, 400);
    const found = embedded.listed(items, standings, filter, "order");
    const known = [...own.values()].filter((event) => event.bulk === op).length;
    if (known) return { bulk: op, n: known, progress: progress() };
    if (found.length !== expect) throw new Refusal(`${found.length} items are meant now, not ${expect}; look at the list again`, 409);
    const base = newest();
    const at = new Date().toISOString();
    send(found.map(({ row }, n) => ({ op: `${op}.${n}`, item: row.id, action, reason: reason || "", note: note || "", bulk: op, base, at })));
    return { bulk: op, n: found.length, progress: progress() };
  }

  // What can be told without kilopair; the rest is checked when the decisions are taken in.
  function problemsOf(id, texts) {
    const { source, quotes } = byId.get(id).card;
    const passage = source ? source.text : "";
    const known = quotes.map((quote) => quote.trim()); // its evidence, some of which may stand in another passage
    const problems = ["instruction", "output"].filter((field) => !texts[field].trim()).map((field) => ({ field, message: "is empty" }));
    const missing = (texts.quotes || []).filter((quote) => quote.trim() && !known.includes(quote.trim()) && !passage.includes(quote.trim()));
    return [...problems, ...missing.map((quote) => ({ field: "quotes", message: `the passage does not say “${quote.slice(0, 60)}”` }))];
  }

  function progress() {
    const states = Object.fromEntries(embedded.counted(items.map((item) => standingOf(item.row.id).state)));
    const decided = DECIDED.reduce((sum, state) => sum + (states[state] || 0), 0);
    const timing = pace(items.length - decided);
    return { reviewer: name(), decided, total: items.length, by_state: states, everywhere: states, streak: timing.sitting, pace: timing };
  }

  // Decisions of ten minutes, an hour, and the time that the rest needs; a bulk action is one decision.
  function pace(left) {
    const bulks = new Set();
    const isFirst = ({ bulk }) => !bulk || (!bulks.has(bulk) && bulks.add(bulk));
    const said = [...own.values()].filter((event) => !["note", "undo"].includes(event.action) && isFirst(event));
    const times = said.map((event) => Date.parse(event.at)).sort((one, other) => one - other);
    let start = Math.max(times.length - 1, 0);
    while (start > 0 && times[start] - times[start - 1] <= PAUSE) start -= 1;
    const sitting = times.slice(start);
    const spent = sitting.length >= LEAST ? sitting.at(-1) - sitting[0] : 0;
    const perHour = spent ? Math.round(((sitting.length - 1) / spent) * 60 * MINUTE) : null;
    return {
      last_10_min: times.filter((time) => Date.now() - time <= 10 * MINUTE).length,
      per_hour: perHour,
      left_minutes: perHour ? Math.ceil((left / perHour) * 60) : null,
      sitting: sitting.length && Date.now() - sitting.at(-1) <= PAUSE ? sitting.length : 0,
    };
  }

  function list(filter, sort, offset, limit) {
    const found = embedded.listed(items, standings, filter, sort);
    const rows = found.slice(offset, offset + limit).map(({ row }) => ({ ...row, state: standingOf(row.id).state }));
    return { total: found.length, offset, rows, seq: newest() };
  }

  function card(id) {
    const item = byId.get(id);
    if (!item) throw new Refusal("this pair is not in this file; kilopair shows it", 404);
    const standing = standingOf(id);
    const who = name() || "you";
    const mine = [...own.values()].filter((event) => event.item === id).map((event) => ({ ...event, reviewer: who }));
    const now = (other) => ({ ...other, state: standings[other.id]?.state || other.state });
    const events = [...held.events.filter((event) => event.item === id), ...mine].sort((one, other) => one.seq - other.seq);
    return { ...item.card, twins: item.card.twins.map(now), same_passage: item.card.same_passage.map(now), standing, events };
  }

  function changes(after) {
    adopt();
    const since = Object.entries(standings).filter(([id, standing]) => standing.seq > after && byId.has(id));
    return { seq: newest(), standings: Object.fromEntries(since), reload: false };
  }

  function setName(given) {
    const clean = given.split(/\s+/).filter(Boolean).join(" ");
    if (!clean || [...clean].length > 80) throw new Refusal("name: give one of 1 to 80 letters", 400);
    kept.set("name", clean);
    refold();
    return { reviewer: clean };
  }

  // The decisions of this browser as lines of a file that kilopair review --import takes in.
  function asFile() {
    const ordered = [...own.values()].sort((one, other) => one.seq - other.seq || (one.op < other.op ? -1 : 1));
    return ordered.map(({ seq, ...event }) => `${JSON.stringify({ ...event, base: Math.min(event.base || 0, held.last), reviewer: name() })}\n`).join("");
  }

  // Every method answers later, as if over a wire, so that callers need not know the difference.
  const later = (method) => async (...given) => structuredClone(method(...given));
  const methods = { items: list, item: card, send, bulk, progress, changes, setName };
  window.kilopair.source = {
    ...Object.fromEntries(Object.entries(methods).map(([key, method]) => [key, later(method)])),
    facets: async () => ({ ...embedded.facets(items), states: progressStates(), total: items.length }),
    check: async (id, texts) => ({ problems: problemsOf(id, texts), pair: null }),
    lease: async () => ({ holder: null }),
    documentUrl: (id) => (documents.has(id) ? "#document" : null),
  };
  window.kilopair.documents = documents;
  window.kilopair.decisions = {
    name, asFile,
    count: () => own.size,
    isKept: () => isKept,
    onChange: (callback) => (told = callback),
  };

  function progressStates() {
    return Object.entries(progress().by_state).map(([state, n]) => ({ name: state, n }));
  }

  addEventListener("storage", adopt); // another tab has decided
  adopt();
  refold();
})();
