// Decisions: each is about the pair that is on the screen, by its id; kept, sent, and taken back in the order they were made.
"use strict";

(() => {
  const { byId, queue, rows, list, cards } = window.kilopair;
  const STATES = { accept: "accepted", reject: "rejected", skip: "skipped", edit: "edited", repair: "repaired" };
  const DONE = 200; // actions that can be taken back
  const standings = new Map(); // id -> the newest that is known here
  const befores = new Map(); // op or bulk -> [[id, standing before it]]
  let done = []; // [{op, item, words}], the newest last
  let unanswered = null; // {asked, op} of a decision on a whole list that was sent and not answered
  let hands = null; // {painted(), show(id), next(id), redraw(), toast(words), progress(facts)}

  function start(given) {
    hands = given;
    done = remembered();
    queue.start({ stored, refused });
    mayUndo();
  }

  function remembered() {
    try {
      return JSON.parse(sessionStorage.getItem("kilopair-done")) || [];
    } catch {
      return [];
    }
  }

  function remember(entry) {
    done.push(entry);
    done = done.slice(-DONE);
    write();
  }

  function write() {
    mayUndo();
    try {
      sessionStorage.setItem("kilopair-done", JSON.stringify(done));
    } catch {
      // it lasts as long as the page
    }
  }

  function mayUndo() {
    byId("undo").disabled = !done.length;
    byId("undo").title = done.length ? `Take back: ${done.at(-1).words}` : "Nothing of this tab to take back";
  }

  function standingOf(id) {
    return standings.get(id) || (cards.get(id) && cards.get(id).standing) || { item: id, state: "undecided", decisions: [], seq: 0, reason: "", texts: null };
  }

  // How the item of a card stands: what the card says, unless more is known here.
  function newest(card) {
    const known = standings.get(card.id);
    return known && known.seq >= (card.standing ? card.standing.seq : 0) ? known : card.standing;
  }

  function event(item, action, given) {
    return { op: queue.newOp(), item, action, base: standingOf(item).seq || 0, at: new Date().toISOString(), ...given };
  }

  // One decision about the painted pair, then on to the next one.
  function decide(action, given = {}, about = hands.painted()) {
    if (!about) return;
    const made = event(about.id, action, given);
    befores.set(made.op, [[about.id, standingOf(about.id)]]);
    remember({ op: made.op, item: about.id, words: `${STATES[action]} “${short(about.instruction)}”` });
    know(about.id, guessed(about.id, made));
    queue.add(made);
    hands.progress(null);
    hands.next(about.id);
  }

  function short(text) {
    return text.length > 60 ? `${text.slice(0, 59).trimEnd()}…` : text;
  }

  // How the item will stand, until the server says how it does.
  function guessed(id, made) {
    const standing = standingOf(id);
    const name = byId("name").value;
    const own = { reviewer: name, action: made.action, reason: made.reason || "", note: made.note || "", after: made.after || null, at: made.at, seq: standing.seq };
    const decisions = [...(standing.decisions || []).filter((decision) => decision.reviewer !== name), own];
    return { ...standing, state: STATES[made.action], reason: own.reason, texts: own.after || (made.action === "accept" ? standing.texts : null), decisions };
  }

  function know(id, standing) {
    standings.set(id, standing);
    const card = cards.get(id);
    if (card) card.standing = standing;
    if (rows.setState(id, standing.state)) list.redraw();
  }

  function edit(about, before, after) {
    if (after === null) return decide("accept", {}, about);
    decide(about.kind === "draft" ? "repair" : "edit", { before, after }, about);
  }

  // About the pair that the note was begun on: the list may have been made anew since.
  function note(text, about) {
    if (!text) return;
    const made = event(about.id, "note", { note: text });
    remember({ op: made.op, item: about.id, words: `noted on “${short(about.instruction)}”` });
    queue.add(made);
    hands.toast("Note kept");
  }

  // The painted pair stays, those that say the same go.
  function keepThis(twins) {
    const copies = twins.map((twin) => [twin.id, "reject", { reason: "duplicate" }]);
    together((about) => [[about.id, "accept", {}], ...copies], `kept one of ${twins.length + 1} that say the same`, `Accepted; ${twins.length} rejected as duplicates`);
  }

  // The painted pair and the other wordings of its fact alike.
  function decideAll(action, given, twins) {
    const words = `${STATES[action]} ${twins.length + 1} wordings of a fact`;
    together((about) => [about, ...twins].map((one) => [one.id, action, given]), words, `${words[0].toUpperCase()}${words.slice(1)}`);
  }

  // Several decisions that the painted pair brings, [id, action, given] each: one action, taken back as one.
  function together(of, words, told) {
    const about = hands.painted();
    if (!about || about.kind === "draft") return;
    const bulk = queue.newOp();
    const all = of(about).map(([id, action, given]) => event(id, action, { ...given, bulk }));
    befores.set(bulk, all.map((made) => [made.item, standingOf(made.item)]));
    for (const made of all) know(made.item, guessed(made.item, made));
    remember({ op: bulk, item: about.id, words });
    queue.add(...all);
    hands.progress(null);
    hands.toast(told);
    hands.next(about.id);
  }

  // Decide all that a filter finds; throws what the source throws, e.g. when it finds other items by now. The same asked again,
  // as its answer was lost, is stored once.
  async function bulk(request) {
    await queue.settled();
    const asked = JSON.stringify(request);
    if (!unanswered || unanswered.asked !== asked) unanswered = { asked, op: queue.newOp() };
    const answer = await window.kilopair.source.bulk({ ...request, op: unanswered.op });
    unanswered = null;
    remember({ op: answer.bulk, item: rows.at(0) ? rows.at(0).id : "", words: `${STATES[request.action]} ${answer.n} of a list`, list: true });
    learn(answer.standings || {});
    if (answer.progress) hands.progress(answer.progress);
    return answer.n;
  }

  async function undo() {
    const last = done.pop();
    if (!last) return hands.toast("Nothing of this tab to take back");
    write();
    queue.add(event(last.item, "undo", { undoes: last.op }));
    for (const [id, standing] of befores.get(last.op) || []) know(id, { ...standing, seq: standingOf(id).seq });
    befores.delete(last.op);
    hands.progress(null);
    hands.toast(`Taken back: ${last.words}`);
    if (last.list) {
      await queue.settled();
      hands.reload();
    } else hands.show(last.item);
  }

  // What the server has stored: its word on how items stand, unless more about them is on its way.
  function stored(answer, batch) {
    learn(answer.standings || {});
    if (answer.progress) hands.progress(answer.progress);
    for (const conflict of answer.conflicts || []) hands.toast(`${conflict.by} had meanwhile said ${conflict.action} on a pair that you decided; both are kept`);
    if (batch.some((made) => made.action === "note" || made.action === "undo")) hands.redraw(batch.map((made) => made.item));
  }

  function learn(found) {
    const fresh = Object.entries(found).filter(([id, standing]) => !queue.about(id) && standing.seq >= (standings.get(id) || standing).seq);
    for (const [id, standing] of fresh) know(id, standing);
    return fresh.map(([id]) => id);
  }

  function refused(made, message) {
    done = done.filter((entry) => entry.op !== made.op && entry.op !== made.bulk);
    write();
    for (const [id, standing] of befores.get(made.op) || befores.get(made.bulk) || []) if (id === made.item) know(id, standing);
    befores.delete(made.op);
    cards.drop(made.item);
    hands.refused(made, message);
  }

  window.kilopair.decide = { start, decide, edit, note, keepThis, decideAll, bulk, undo, learn, standingOf, newest };
})();
