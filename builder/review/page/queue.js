// Decisions on their way: kept in this browser, one key each, until the server has stored them. Sent in order and in
// batches; the same decision sent twice is stored once, so tabs may send what another left behind.
"use strict";

(() => {
  const { kept, byId } = window.kilopair;
  const BATCH = 100;
  const WAITS = [300, 600, 1200, 2500, 5000]; // milliseconds before the next try
  const unsent = new Map(); // op -> event, oldest first
  const refused = []; // [{event, message}]
  let given = null; // who is told: {stored(answer), refused(event, message)}
  let sending = false;
  let failures = 0;
  let timer = 0;
  let waiting = []; // resolved when nothing is unsent
  let made = 0;
  let problem = "";

  // Names sort as they were made, in all tabs: time, a counter, chance.
  function newOp() {
    made += 1;
    const chance = [...crypto.getRandomValues(new Uint8Array(6))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    return `${Date.now().toString(36).padStart(9, "0")}-${made.toString(36).padStart(4, "0")}-${chance}`;
  }

  function add(...events) {
    for (const event of events) {
      unsent.set(event.op, event);
      kept.set(`unsent/${event.op}`, JSON.stringify(event));
    }
    show();
    if (!sending && !failures) schedule(0);
  }

  // What this tab had not sent when it closed, and what another tab left behind.
  function adopt() {
    for (const key of kept.keys("unsent/").sort()) {
      const op = key.slice("unsent/".length);
      if (unsent.has(op)) continue;
      const event = parsed(kept.get(key));
      if (event) unsent.set(op, event);
      else kept.remove(key);
    }
    if (unsent.size && !sending && !timer) schedule(0);
    show();
  }

  function parsed(text) {
    try {
      return JSON.parse(text);
    } catch {
      return null;
    }
  }

  function schedule(wait) {
    clearTimeout(timer);
    timer = setTimeout(flush, wait);
  }

  async function flush() {
    timer = 0;
    if (sending || !unsent.size) return settle();
    sending = true;
    show();
    const batch = [...unsent.values()].slice(0, BATCH);
    try {
      take(batch, await window.kilopair.source.send(batch));
      failures = 0;
      problem = "";
    } catch (error) {
      await fail(batch, error);
    }
    sending = false;
    if (unsent.size) schedule(failures ? WAITS[Math.min(failures, WAITS.length) - 1] : 0);
    settle();
  }

  function take(batch, answer) {
    for (const event of batch) forget(event.op);
    given.stored(answer, batch);
  }

  function forget(op) {
    unsent.delete(op);
    kept.remove(`unsent/${op}`);
  }

  // A batch that the server refuses is sent one by one, so that one bad decision takes no other with it.
  async function fail(batch, error) {
    const closed = [401, 403, 408, 421, 425, 429].includes(error.status);
    if (!(error.status >= 400 && error.status < 500) || closed) {
      failures += 1;
      problem = closed ? `${error.message}; open the link that kilopair review printed` : error.message;
      return;
    }
    if (batch.length === 1) return refuse(batch[0], error.message);
    for (const event of batch) {
      try {
        take([event], await window.kilopair.source.send([event]));
      } catch (own) {
        await fail([event], own);
        if (failures) return;
      }
    }
  }

  function refuse(event, message) {
    forget(event.op);
    refused.push({ event, message });
    kept.set(`refused/${event.op}`, JSON.stringify({ event, message }));
    given.refused(event, message);
  }

  function settle() {
    show();
    if (unsent.size) return;
    for (const done of waiting) done();
    waiting = [];
  }

  function show() {
    const badge = byId("saved");
    const words = failures ? "not saved – retrying" : unsent.size ? "saving…" : "saved";
    if (badge.textContent !== words) badge.textContent = words;
    badge.className = `saved ${failures ? "failing" : unsent.size ? "under-way" : "done"}`;
    badge.title = failures ? `${unsent.size} not stored yet: ${problem}. They are kept in this browser.` : "";
  }

  // Resolves when all is stored, or after `patience` milliseconds: true if it is.
  function settled(patience = 3000) {
    if (!unsent.size) return Promise.resolve(true);
    return new Promise((done) => {
      waiting.push(() => done(true));
      setTimeout(() => done(!unsent.size), patience);
    });
  }

  function retryNow() {
    if (unsent.size && !sending) schedule(0);
  }

  function start(told) {
    given = told;
    adopt();
    addEventListener("online", retryNow);
    document.addEventListener("visibilitychange", () => document.hidden || retryNow());
    setInterval(adopt, 10_000);
  }

  window.kilopair.queue = { add, newOp, start, settled, size: () => unsent.size, failing: () => failures > 0, about: (item) => [...unsent.values()].some((event) => event.item === item) };
})();
