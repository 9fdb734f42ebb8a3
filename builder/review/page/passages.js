// Passages of documents as they are read: made of the text that the server put into the page, by DOM nodes only.
"use strict";

(() => {
  const { passage, unitsOf } = window.kilopair;

  // `spans` are {start, end} in code points, as the server counts; overlapping ones are joined.
  function drawn(text, spans) {
    const joined = [];
    for (const { start, end } of [...spans].sort((one, other) => one.start - other.start)) {
      const last = joined.at(-1);
      if (last && start <= last.end) last.end = Math.max(last.end, end);
      else if (end > start) joined.push({ start, end });
    }
    const ends = unitsOf(text, joined.flatMap(({ start, end }) => [start, end]));
    return passage(text, joined.map((_, place) => ({ start: ends[2 * place], end: ends[2 * place + 1] })));
  }

  for (const plain of document.querySelectorAll("[data-spans]")) plain.replaceWith(drawn(plain.textContent, JSON.parse(plain.dataset.spans)));
  window.kilopair.drawn = drawn;
})();
