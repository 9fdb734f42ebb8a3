// The right column: the passage that a pair rests on, its evidence marked and in view.
"use strict";

(() => {
  const { element, byId, drawing, drawn } = window.kilopair;
  const GROUNDINGS = {
    absent: "This pair says that the documents do not answer: a search of all of them found nothing, so there is no passage to show.",
    none: "This pair is about no document: it teaches a general skill, or a person brought it along.",
  };
  let shown = null; // the source on the screen

  function show(card) {
    shown = card.source;
    const panel = byId("source");
    panel.replaceChildren(...(shown ? parts(card) : [nothing(card)]));
    panel.scrollTop = 0;
    if (shown) bringIntoView();
  }

  function nothing(card) {
    return element("p", { class: "empty" }, GROUNDINGS[card.grounding] || "The passage of this pair is not in the workspace any more.");
  }

  function parts(card) {
    return [head(card), sheet(), shown.more && shown.more.length ? elsewhere() : null].filter(Boolean);
  }

  function head(card) {
    const where = [shown.path, shown.page].filter(Boolean).join(", ");
    const steps = (shown.headings || []).filter((heading, place) => place || heading !== shown.title);
    const url = window.kilopair.source.documentUrl && window.kilopair.source.documentUrl(shown.document_id, card);
    return element(
      "header",
      { class: "source-head" },
      element("div", null, element("h2", null, shown.title || shown.path), element("p", { class: "soft" }, where)),
      url && element("a", { id: "document", class: "button", href: url, target: "_blank", rel: "noopener", "aria-keyshortcuts": "o", title: "The whole document (O)" }, drawing("M6 3H3v10h10v-3M9 3h4v4M13 3 7 9"), "Document"),
      steps.length ? element("p", { class: "headings" }, ...steps.flatMap((step, place) => [place ? element("span", { "aria-hidden": true }, " › ") : null, element("span", null, step)])) : null,
    );
  }

  function sheet() {
    const made = element("div", { class: "sheet", id: "sheet" }, drawn(shown.text, shown.evidence || []));
    const quote = element("button", { type: "button", id: "quote", hidden: true, onclick: takeQuote }, "Use the selected text as evidence");
    return element("div", { class: "sheet-box" }, made, quote);
  }

  function elsewhere() {
    const rows = shown.more.map((other) =>
      element("li", null, element("p", { class: "soft" }, [other.path, other.page].filter(Boolean).join(", ")), element("blockquote", null, element("mark", null, other.quote))),
    );
    return element("section", { class: "elsewhere" }, element("h3", null, "Evidence elsewhere"), element("ul", null, ...rows));
  }

  // The first evidence a third down the panel that scrolls: the whole column, or on a phone the sheet.
  function bringIntoView() {
    const mark = byId("sheet").querySelector("mark");
    if (!mark) return;
    const scrolls = (box) => box.scrollHeight > box.clientHeight + 1 && getComputedStyle(box).overflowY !== "visible";
    const box = [byId("sheet"), byId("source")].find(scrolls);
    if (box) box.scrollTop += mark.getBoundingClientRect().top - box.getBoundingClientRect().top - box.clientHeight / 3;
  }

  let onQuote = null; // while a pair is edited: takes the text of a new quote

  // Let selected text of the passage be given to `taker`; null: no more.
  function offerQuotes(taker) {
    onQuote = taker;
    watch();
  }

  function watch() {
    const button = byId("quote");
    if (button) button.hidden = !onQuote || !shown || !window.kilopair.selectedIn(byId("sheet"));
  }

  function takeQuote() {
    const span = window.kilopair.selectedIn(byId("sheet"));
    if (!span || !onQuote) return;
    onQuote(shown.text.slice(span.start, span.end).trim());
    getSelection().removeAllRanges();
  }

  document.addEventListener("selectionchange", watch);

  function openDocument() {
    const link = byId("document");
    if (link) link.click();
  }

  Object.assign(window.kilopair, { source_panel: { show, offerQuotes, openDocument } });
})();
