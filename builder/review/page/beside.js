// Below a pair: its duplicates, the other pairs of its passage, and what people said.
"use strict";

(() => {
  const { element, byId, said, ago } = window.kilopair;
  const DID = { accept: "accepted", reject: "rejected", edit: "edited", repair: "repaired", skip: "skipped", note: "noted", undo: "took something back" };
  let hands = null; // {go(id), keepThis(twins), acceptAll(twins)}

  function draw(card, given) {
    hands = given;
    const parts = [twins(card), samePassage(card), events(card)].filter(Boolean);
    byId("beside").replaceChildren(...parts);
  }

  function twins(card) {
    const found = card.twins || [];
    if (!found.length) return null;
    const copies = found.filter(isOpenCopy);
    const others = wordings(card);
    const all = element("button", { type: "button", id: "accept-wordings", "aria-keyshortcuts": "w", onclick: () => hands.acceptAll(others) }, `Accept all ${others.length + 1} wordings `, element("kbd", { "aria-hidden": true }, "W"));
    const keep = element("button", { type: "button", id: "keep-this", onclick: () => hands.keepThis(copies) }, `Keep this one, reject ${copies.length === 1 ? "its copy" : `its ${copies.length} copies`}`);
    return element(
      "details",
      { id: "twins", open: true },
      element("summary", null, `Duplicates and other wordings: ${found.length}`, element("kbd", { "aria-hidden": true }, "G")),
      element("ul", null, ...found.map((twin) => other(twin, twin.relation))),
      others.length ? element("p", { class: "keep" }, all) : null,
      card.kind === "pair" && copies.length ? element("p", { class: "keep" }, keep) : null,
    );
  }

  // Another wording of the fact is there on purpose, and what was left out is out: neither needs to be rejected.
  function isOpenCopy(twin) {
    return twin.relation !== "same fact" && isOpen(twin);
  }

  // What a decision about all wordings of the fact is about, besides the pair itself: those shown that wait for one.
  function wordings(card) {
    return card.kind === "pair" ? (card.twins || []).filter((twin) => twin.relation === "same fact" && isOpen(twin)) : [];
  }

  function isOpen(twin) {
    return ["chosen", "valid"].includes(twin.where) && ["undecided", "skipped"].includes(stateOf(twin));
  }

  // How another pair stands: this page may know more than the card, which was fetched ahead.
  function stateOf(twin) {
    const known = window.kilopair.decide.standingOf(twin.id);
    return known.decisions.length || known.seq ? known.state : twin.state || "undecided";
  }

  function samePassage(card) {
    const found = card.same_passage || [];
    if (!found.length) return null;
    return element("details", { id: "same-passage", open: found.length <= 6 }, element("summary", null, `Others of this passage: ${found.length}`), element("ul", null, ...found.map((one) => other(one, ""))));
  }

  function other(one, relation) {
    const words = [relation, one.where === "chosen" ? "" : one.reason || one.where].filter(Boolean).map(said);
    const about = [...new Set(words)].join(" · ");
    const state = stateOf(one);
    return element(
      "li",
      null,
      element("button", { type: "button", class: "other", "data-id": one.id, onclick: () => hands.go(one.id) }, element("span", { class: "other-question" }, one.question), one.answer && element("span", { class: "other-answer" }, one.answer)),
      element("span", { class: "other-about soft" }, about, state !== "undecided" ? element("span", { class: `chip ${state}` }, state) : null),
    );
  }

  function events(card) {
    const found = (card.events || []).slice().reverse();
    if (!found.length) return null;
    return element("section", { class: "events", "aria-label": "What people said" }, element("h3", null, "What people said"), element("ul", null, ...found.map(line)));
  }

  function line(event) {
    const reason = window.kilopair.card.reasonWords(event.reason);
    const words = [DID[event.action] || event.action, event.bulk ? "with a whole list" : "", event.final ? "as the last word" : ""].filter(Boolean).join(" ");
    return element(
      "li",
      null,
      element("b", null, event.reviewer),
      ` ${words}${reason ? `: ${reason}` : ""}`,
      element("span", { class: "soft" }, ` · ${ago(event.at)}`),
      event.note && element("p", { class: "note" }, event.note),
    );
  }

  // The key G: to the first duplicate.
  function showTwins() {
    const found = byId("twins");
    if (!found) return false;
    found.open = true;
    found.scrollIntoView({ block: "nearest" });
    found.querySelector("button.other").focus();
    return true;
  }

  window.kilopair.beside = { draw, showTwins, wordings };
})();
