// The pair on the screen. Only what is painted can be decided about: until then there is no card for a key.
"use strict";

(() => {
  const { byId, count, kept, rows, list, cards, card: drawn, beside, source_panel, edit, decide, messages } = window.kilopair;
  const AHEAD = 24; // cards fetched before they are wanted
  const BEHIND = 3;
  const LINGER = 1500; // milliseconds on a pair until others are told that it is looked at
  let wanted = ""; // the id that should be on the screen
  let painted = null; // the card that is
  let lingering = 0;

  // Put a pair on the screen as soon as its card is there, unless another one is wanted by then.
  async function show(id, place = rows.placeOf(id)) {
    if (!mayLeave()) return;
    leave();
    wanted = id;
    const coming = cards.get(id) || loaded(id); // asked for before the list is drawn
    byId("card").dataset.id = id;
    list.select(place);
    byId("position").textContent = place >= 0 ? `${count(place + 1)} of ${count(rows.total())}` : "not in this list";
    if (place >= 0) ahead(place);
    const card = cards.get(id) || (await coming);
    if (card && wanted === id) paint(card);
  }

  async function ahead(place) {
    await rows.need(place - BEHIND, place + AHEAD, list.redraw);
    const places = [...Array.from({ length: AHEAD }, (_, by) => place + 1 + by), ...Array.from({ length: BEHIND }, (_, by) => place - 1 - by)];
    cards.prefetch(places.map((near) => rows.at(near)).filter(Boolean).map((row) => row.id));
  }

  // From here on no key decides about the pair that was painted.
  function leave() {
    wanted = "";
    painted = null;
    byId("card").dataset.painted = "0";
  }

  function mayLeave() {
    if (!edit.isOpen()) return true;
    if (edit.isChanged()) {
      messages.toast("Save the edit or cancel it first");
      return false;
    }
    edit.close();
    return true;
  }

  // The card of an item, asked for until it comes; null when another one is wanted by then, or there is none.
  async function loaded(id) {
    const late = setTimeout(() => wanted === id && byId("card").setAttribute("aria-busy", "true"), 150);
    try {
      for (let wait = 500; wanted === id; wait = Math.min(2 * wait, 5000)) {
        try {
          return await cards.load(id);
        } catch (error) {
          if (wanted !== id) return null;
          drawn.drawMissing(error.status === 404 ? "This pair is not there any more: the pairs were made anew." : `This pair cannot be shown: ${error.message}. Trying again…`);
          if (error.status === 404) return null;
        }
        await new Promise((done) => setTimeout(done, wait));
      }
      return null;
    } finally {
      clearTimeout(late);
      byId("card").removeAttribute("aria-busy");
    }
  }

  function paint(card) {
    const inside = ["card", "figures", "beside", "source"].some((id) => byId(id).contains(document.activeElement));
    card.standing = decide.newest(card);
    draw(card);
    source_panel.show(card);
    messages.clear();
    byId("accept").firstChild.textContent = card.kind === "draft" ? "Repair" : "Accept";
    enable(true);
    document.querySelector(".pair-scroll").scrollTop = 0;
    if (scrollY > 0) scrollTo(0, 0);
    if (inside && !document.querySelector("dialog[open]")) byId("card").focus({ preventScroll: true });
    byId("announce").textContent = `${byId("position").textContent}: ${card.instruction}`;
    requestAnimationFrame(() => setTimeout(() => isPainted(card)));
  }

  function draw(card) {
    drawn.draw(card);
    drawn.drawStanding(card);
    beside.draw(card, { go: show, keepThis: decide.keepThis, acceptAll: (others) => decide.decideAll("accept", {}, others) });
    window.kilopair.markHits(byId("card"), byId("search").value);
  }

  function isPainted(card) {
    if (wanted !== card.id) return;
    painted = card;
    byId("card").dataset.painted = "1";
    kept.set("last", card.id);
    clearTimeout(lingering);
    lingering = setTimeout(() => lease(card), LINGER);
  }

  async function lease(card) {
    const { holder } = await window.kilopair.source.lease(card.id).catch(() => ({ holder: null }));
    if (holder && painted === card && holder !== byId("name").value) messages.notice(`${holder} is looking at this pair too.`);
  }

  // Fetch and draw the painted card again, if it is one of `ids` and nobody edits it.
  async function redraw(ids) {
    for (const id of ids) if (!painted || painted.id !== id) cards.drop(id);
    if (!painted || !ids.includes(painted.id) || edit.isOpen()) return;
    const { id } = painted;
    cards.drop(id);
    const card = await cards.load(id).catch(() => null);
    if (!card || !painted || painted.id !== id || edit.isOpen()) return;
    card.standing = decide.newest(card);
    painted = card;
    draw(card);
  }

  // Nothing to decide about: the end of a list, or a list that cannot be loaded.
  function blank(message) {
    leave();
    delete byId("card").dataset.id;
    byId("position").textContent = "";
    drawn.drawMissing(message);
    enable(false);
  }

  function enable(there) {
    for (const name of ["accept", "reject", "edit", "skip", "note"]) byId(name).disabled = !there;
  }

  window.kilopair.screen = { show, leave, mayLeave, redraw, blank, painted: () => painted };
})();
