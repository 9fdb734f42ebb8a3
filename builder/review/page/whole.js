// A whole document in a page without a server: over the review, its evidence marked and in view.
"use strict";

(() => {
  const LONGEST = 400_000; // characters, beyond which the text stays as it was read: drawing it would take seconds
  const { byId, element, drawn, documents, cards } = window.kilopair;

  function show() {
    const card = cards.get(byId("card").dataset.id);
    const found = card && card.source && documents.get(card.source.document_id);
    if (!found) return;
    const { start, evidence } = card.source;
    const spans = evidence.map((span) => ({ start: start + span.start, end: start + span.end }));
    byId("whole-title").textContent = found.title || found.path;
    byId("whole-path").textContent = found.path;
    byId("whole-text").replaceChildren(found.text.length > LONGEST ? element("pre", null, found.text) : drawn(found.text, spans));
    byId("whole").showModal();
    const mark = byId("whole-text").querySelector("mark");
    byId("whole-text").scrollTop = 0;
    if (mark) mark.scrollIntoView({ block: "center" });
  }

  // The link is drawn by the source panel, which knows nothing of files.
  document.addEventListener("click", (event) => {
    if (!event.target.closest("#document")) return;
    event.preventDefault();
    show();
  });
})();
