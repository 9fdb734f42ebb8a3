// The rows of one query, loaded a page at a time as they are looked at. A decided row stays in its place until the query
// is asked again, so that nothing moves under the reviewer's hands.
"use strict";

(() => {
  const PAGE = 100;
  let query = { filter: {}, sort: "doubt" };
  let rows = []; // by place in the list; null: asked for and not there
  let places = new Map(); // id -> place
  let pages = new Map(); // number -> promise
  let total = 0;
  let seq = 0; // of the newest event that the first list knew
  let turn = 0; // answers to an older query are thrown away

  // Ask a query anew; resolves to the number of rows, throws what the source throws.
  async function open(filter, sort) {
    turn += 1;
    query = { filter, sort };
    const mine = turn;
    const first = await window.kilopair.source.items(filter, sort, 0, PAGE);
    if (mine !== turn) return total;
    rows = [];
    places = new Map();
    pages = new Map([[0, Promise.resolve()]]);
    total = first.total;
    seq = seq || first.seq || 0;
    fill(0, first.rows);
    return total;
  }

  function fill(start, found) {
    let at = start;
    for (const row of found) {
      if (places.has(row.id)) continue;
      rows[at] = row;
      places.set(row.id, at);
      at += 1;
    }
    for (; at < Math.min(start + PAGE, total); at += 1) rows[at] = null;
  }

  // Make sure that the places [from, to) are loaded or on their way; `then` is called as each page comes.
  function need(from, to, then) {
    const jobs = [];
    for (let page = Math.floor(Math.max(0, from) / PAGE); page * PAGE < Math.min(to, total); page += 1) {
      if (!pages.has(page)) pages.set(page, load(page, turn).then(then, () => pages.delete(page)));
      jobs.push(pages.get(page));
    }
    return Promise.all(jobs);
  }

  async function load(page, mine) {
    await window.kilopair.queue.settled(1000);
    const offset = Math.max(0, page * PAGE - gone(page * PAGE));
    const found = await window.kilopair.source.items(query.filter, query.sort, offset, PAGE);
    if (mine === turn) fill(page * PAGE, found.rows);
  }

  // Rows before `place` that the server no longer counts: they were decided since, and the query asks for one state.
  function gone(place) {
    return rows.slice(0, place).filter((row) => row && !isAsked(row)).length;
  }

  // Whether a row is still in a state that the query asks for.
  function isAsked(row) {
    return !query.filter.state || query.filter.state.split(",").includes(row.state);
  }

  function setState(id, state) {
    const row = rows[places.get(id)];
    if (!row || row.state === state) return false;
    row.state = state;
    return true;
  }

  window.kilopair.rows = {
    open, need, setState, isAsked,
    at: (place) => rows[place],
    placeOf: (id) => places.get(id) ?? -1,
    total: () => total,
    seq: () => seq,
    query: () => query,
  };
})();
