// Cards at hand before they are wanted, so that the next one is there when its key is pressed, even while the server is away.
"use strict";

(() => {
  const MOST = 300;
  const AT_ONCE = 4;
  const there = new Map(); // id -> card, the oldest first
  const coming = new Map(); // id -> promise
  let wishes = []; // ids to fetch, the nearest first
  let fetching = 0;

  function get(id) {
    return there.get(id);
  }

  // Resolves to the card of an item, asked of the source unless it is at hand or on its way.
  function load(id) {
    if (there.has(id)) return Promise.resolve(there.get(id));
    if (!coming.has(id)) coming.set(id, window.kilopair.source.item(id).then((card) => keep(id, card)).finally(() => coming.delete(id)));
    return coming.get(id);
  }

  function keep(id, card) {
    there.delete(id);
    there.set(id, card);
    if (there.size > MOST) there.delete(there.keys().next().value);
    return card;
  }

  function prefetch(ids) {
    wishes = ids.filter((id) => !there.has(id) && !coming.has(id));
    while (fetching < AT_ONCE && wishes.length) fetchOne();
  }

  function fetchOne() {
    const id = wishes.shift();
    fetching += 1;
    load(id)
      .catch(() => {}) // asked again when it is wanted
      .finally(() => {
        fetching -= 1;
        if (wishes.length && fetching < AT_ONCE) fetchOne();
      });
  }

  window.kilopair.cards = { get, load, prefetch, drop: (id) => there.delete(id), clear: () => there.clear() };
})();
