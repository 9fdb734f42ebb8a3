// The words that were searched for, marked in the pair without touching its nodes.
"use strict";

(() => {
  const MOST = 500;

  // Mark every place in `root` that says one of the words of `query`; none for an empty query.
  function markHits(root, query) {
    if (!window.CSS || !CSS.highlights) return; // an older browser shows the pair as it is
    CSS.highlights.delete("search");
    const words = (query.match(/"[^"]+"|[^\s"]+/g) || []).map((word) => word.replaceAll('"', "").toLowerCase()).filter(Boolean);
    if (words.length) CSS.highlights.set("search", new Highlight(...ranges(root, words)));
  }

  function ranges(root, words) {
    const found = [];
    const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node && found.length < MOST; node = walker.nextNode()) {
      const text = node.data.toLowerCase();
      if (text.length !== node.length) continue; // small letters that are longer than large ones
      for (const word of words) for (let at = text.indexOf(word); at >= 0 && found.length < MOST; at = text.indexOf(word, at + word.length)) found.push(rangeOf(node, at, word.length));
    }
    return found;
  }

  function rangeOf(node, start, length) {
    const range = new Range();
    range.setStart(node, start);
    range.setEnd(node, start + length);
    return range;
  }

  window.kilopair.markHits = markHits;
})();
