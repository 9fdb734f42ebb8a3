// What all events together say of each item, as builder/review/fold.py has it: for a page that has no server to ask.
"use strict";

(() => {
  const CHANGES = { edit: "edited", repair: "repaired" };

  // Standings by item id. The order of the events does not matter, their seq does.
  function standings(events) {
    const ordered = [...events].sort((one, other) => one.seq - other.seq);
    const counted = new Map();
    for (const event of live(ordered)) counted.set(event.item, [...(counted.get(event.item) || []), event]);
    const keys = new Map();
    for (const event of ordered) if (event.key && !keys.has(event.item)) keys.set(event.item, event.key);
    const found = {};
    for (const [item, seq] of newest(ordered)) found[item] = standing(item, keys.get(item) || "", counted.get(item) || [], seq);
    return found;
  }

  // The events that nothing has undone, without the undos; both lists oldest first.
  function live(events) {
    const taken = new Set();
    const left = [];
    for (const event of [...events].reverse()) {
      if (taken.has(event.op) || (event.bulk && taken.has(event.bulk))) continue;
      if (event.action === "undo") taken.add(event.undoes);
      else left.push(event);
    }
    return left.reverse();
  }

  // The word that counts of each reviewer, the newest last, of live events on one item.
  function words(events) {
    const found = new Map();
    for (const event of events) {
      if (event.action === "note" || isLate(event, found.get(event.reviewer))) continue;
      found.delete(event.reviewer);
      found.set(event.reviewer, event);
    }
    return [...found.values()];
  }

  // Said before the other word, without knowing it, and only come later.
  function isLate(event, other) {
    return other !== undefined && Date.parse(event.at) < Date.parse(other.at) && (event.base || 0) < other.seq;
  }

  // The seq of the newest event on each item; an undo is on every item of what it takes back.
  function newest(ordered) {
    const found = new Map();
    const undone = new Map(ordered.filter((event) => event.action === "undo").map((event) => [event.undoes, new Set()]));
    for (const event of ordered) {
      const touched = event.action === "undo" ? undone.get(event.undoes) : new Set([event.item]);
      for (const item of touched) found.set(item, event.seq);
      for (const name of [event.op, event.bulk]) if (undone.has(name)) undone.set(name, new Set([...undone.get(name), ...touched]));
    }
    return found;
  }

  function standing(item, key, events, seq) {
    const decisions = words(events).map(decision);
    const [state, texts] = outcome(decisions);
    const reasons = thatCount(decisions).map((one) => one.reason).filter(Boolean);
    return { item, key, state, decisions, reason: state === "rejected" ? reasons.at(-1) || "" : "", texts, seq };
  }

  function decision(event) {
    const after = event.after && event.after.instruction ? event.after : null;
    const { reviewer, action, at, seq } = event;
    return { reviewer, action, reason: event.reason || "", note: event.note || "", after, final: Boolean(event.final), at, seq };
  }

  // The newest final word alone, or every word but skips.
  function thatCount(decisions) {
    const said = decisions.filter((one) => one.action !== "skip");
    const final = said.filter((one) => one.final).slice(-1);
    return final.length ? final : said;
  }

  function outcome(decisions) {
    const counted = thatCount(decisions);
    const changed = counted.filter((one) => one.action in CHANGES);
    const rejected = counted.filter((one) => one.action === "reject").length;
    if (!counted.length) return [decisions.length ? "skipped" : "undecided", null];
    if (rejected) return [rejected === counted.length ? "rejected" : "disputed", null];
    if (!changed.length) return ["accepted", null];
    const last = changed.at(-1);
    if (changed.some((one) => asOne(one.after) !== asOne(last.after))) return ["disputed", null];
    return [CHANGES[last.action], last.after];
  }

  function asOne(texts) {
    if (!texts) return "";
    const history = (texts.history || []).map((turn) => [turn.role, turn.content]);
    return JSON.stringify([texts.instruction, texts.input || "", texts.output, history, texts.quotes || null]);
  }

  window.kilopair = window.kilopair || {};
  window.kilopair.fold = { standings };
})();
