// The review page as a whole: where one goes next, what the list holds, what the server says meanwhile, and the hands on it.
"use strict";

(() => {
  const { element, byId, count, plural, queue, rows, list, cards, filters, beside, source_panel, edit, decide, dialogs, keys, messages, screen } = window.kilopair;
  const POLL = 5000;
  const FINDABLE = 3000; // rows of a list that are loaded to find the place of one pair
  let seq = 0;
  let isOld = false; // what is at hand: too much has changed since, or the pairs were made anew
  let facts = null; // of the progress
  let walks = 0; // the newest walk wins

  // --- from pair to pair

  // Put the pair at a place on the screen, or the end of the list; past places that are empty, in the direction `by`.
  async function goTo(place, by = 1) {
    if (!screen.mayLeave()) return;
    walks += 1;
    const mine = walks;
    let to = place;
    while (to >= 0 && to < rows.total() && rows.at(to) === null) to += by;
    if (to < 0) return;
    if (to >= rows.total()) return finish();
    for (let wait = 500; !rows.at(to); wait = Math.min(2 * wait, 5000)) {
      await rows.need(to, to + 1, list.redraw);
      if (mine !== walks) return;
      if (rows.at(to) === null) return goTo(to, by);
      if (rows.at(to)) break;
      screen.blank("The next pairs cannot be loaded: the server does not answer. Trying again…");
      await new Promise((done) => setTimeout(done, wait));
      if (mine !== walks) return;
    }
    await screen.show(rows.at(to).id, to);
  }

  function step(by) {
    const place = list.selected() < 0 ? (by > 0 ? -1 : rows.total()) : list.selected();
    return goTo(place + by, by);
  }

  // After a decision: on, past what is decided already when the list is of one state.
  function next(id) {
    screen.leave();
    const from = rows.placeOf(id) >= 0 ? rows.placeOf(id) : list.selected();
    let to = from + 1;
    while (rows.at(to) && !rows.isAsked(rows.at(to))) to += 1;
    goTo(to);
  }

  // The end of the list: what came meanwhile or was passed by is shown next; else it says so.
  async function finish() {
    const mine = walks;
    screen.leave();
    const { filter, sort } = rows.query();
    if (filter.state && (await queue.settled())) {
      const seen = new Set(Array.from({ length: rows.total() }, (_, place) => rows.at(place) && rows.at(place).id));
      await rows.open(filter, sort).catch(() => {});
      if (mine !== walks) return;
      list.showCount();
      for (let place = 0; place < rows.total() && rows.at(place); place += 1) if (!seen.has(rows.at(place).id)) return goTo(place);
    }
    end();
  }

  function end() {
    list.select(-1);
    screen.blank("");
    const { state } = rows.query().filter;
    const skipped = (facts && facts.by_state && facts.by_state.skipped) || 0;
    const ways = [
      skipped > 0 && state !== "skipped" && way(`Look at ${plural(skipped, "skipped pair")}`, () => filters.set({ state: "skipped" })),
      rows.total() > 0 && way(state ? `Go through the ${count(rows.total())} left again` : "Begin again", () => goTo(0)),
      Object.keys(rows.query().filter).length > 0 && way("Show all pairs", () => filters.set({})),
    ];
    const title = rows.total() ? "That was the last of this list" : "Nothing left in this list";
    byId("card").replaceChildren(element("div", { class: "end" }, element("h2", null, title), element("p", { class: "soft" }, byId("progress").textContent), element("p", { class: "end-ways" }, ...ways)));
  }

  function way(words, go) {
    return element("button", { type: "button", onclick: go }, words);
  }

  // --- the list

  // Ask the list anew, until the source answers, and begin with the pair `id`, or with `last` if it is in the list, or at the top.
  async function reload(id = "", last = "") {
    if (!screen.mayLeave()) return;
    walks += 1;
    screen.leave();
    const asked = filters.filter();
    if (!(await opened(asked))) return;
    byId("queue").scrollTop = 0;
    list.showCount();
    list.redraw();
    const sought = id || last;
    if (sought && rows.placeOf(sought) < 0 && rows.total() <= FINDABLE) await rows.need(0, rows.total(), list.redraw);
    if (sought && rows.placeOf(sought) >= 0) await goTo(rows.placeOf(sought));
    else if (id) await screen.show(id);
    else if (rows.total()) await goTo(0);
    else end();
  }

  // Whether the list of `asked` is there now; not if it means nothing, or something else is asked by then.
  async function opened(asked) {
    byId("count").textContent = "loading…";
    for (let wait = 500; ; wait = Math.min(2 * wait, 5000)) {
      try {
        await rows.open(asked, filters.sort());
        return true;
      } catch (error) {
        const refused = error.status >= 400 && error.status < 500;
        byId("count").textContent = refused ? "no list" : "the server does not answer, trying again…";
        if (refused) screen.blank(`There is no such list: ${error.message}.`);
        if (refused) return false;
        await new Promise((done) => setTimeout(done, wait));
        if (JSON.stringify(asked) !== JSON.stringify(filters.filter())) return false;
      }
    }
  }

  // --- what the server says

  // Show how far the review is; null: something was decided, the numbers come with the answer.
  function progress(given) {
    if (!given) return;
    facts = given;
    const { per_hour: pace, left_minutes: left } = given.pace || {};
    const words = [`${count(given.decided)} of ${count(given.total)} decided`];
    if (pace) words.push(`${count(pace)} an hour`);
    if (left) words.push(left > 90 ? `${Math.round(left / 60)} h left` : `${left} min left`);
    byId("progress").textContent = words.join(" · ");
    byId("progress").title = Object.entries(given.by_state || {}).map(([state, n]) => `${state} ${count(n)}`).join(", ");
    byId("progress-bar").firstElementChild.style.width = `${given.total ? (100 * given.decided) / given.total : 0}%`;
  }

  async function poll() {
    if (document.hidden) return;
    try {
      const found = await window.kilopair.source.changes(Math.max(seq, rows.seq()));
      seq = Math.max(seq, found.seq);
      isOld ||= Boolean(found.reload);
      const painted = screen.painted();
      if (isOld && !edit.isOpen()) return void (await anew(painted));
      const before = painted && decide.standingOf(painted.id).seq;
      const changed = decide.learn(found.standings);
      for (const id of changed) if (!painted || id !== painted.id) cards.drop(id);
      if (painted && decide.standingOf(painted.id).seq !== before) await changedElsewhere(painted);
      if (changed.length) progress(await window.kilopair.source.progress());
    } catch {
      // the next poll asks again
    }
  }

  async function anew(painted) {
    isOld = false;
    cards.clear();
    facets();
    await reload("", painted ? painted.id : "");
  }

  async function changedElsewhere(card) {
    const last = decide.standingOf(card.id).decisions.at(-1);
    await screen.redraw([card.id]);
    if (last && last.reviewer !== byId("name").value) messages.notice(`${last.reviewer} has just decided on this pair: ${last.action}.`);
  }

  function refused(event, message) {
    messages.refusal(event, message, lookAgain);
    screen.redraw([event.item]);
  }

  // A decision that was refused, once more: its pair, and what was typed. Returns whether they are on the screen.
  async function lookAgain(event) {
    if (!screen.mayLeave()) return false;
    await screen.show(event.item);
    const card = cards.get(event.item);
    if (!card || byId("card").dataset.id !== event.item) return false;
    if (event.after) edit.open(card, event.after);
    return true;
  }

  // --- hands on it

  function accept() {
    const painted = screen.painted();
    if (painted && painted.kind === "draft") edit.open(painted);
    else decide.decide("accept");
  }

  function acceptAll() {
    const others = screen.painted() ? beside.wordings(screen.painted()) : [];
    if (others.length) decide.decideAll("accept", {}, others);
    else messages.toast("No other wording of this fact waits for a decision");
  }

  function startEdit() {
    if (screen.painted()) edit.open(screen.painted());
  }

  function toggleList() {
    const open = byId("list").classList.toggle("open");
    byId("list-open").setAttribute("aria-expanded", String(open));
    if (open) list.select(list.selected());
  }

  async function rename() {
    const name = byId("name").value.trim();
    if (!name) return void (byId("name").value = byId("name").defaultValue);
    try {
      await queue.settled();
      await window.kilopair.source.setName(name);
      byId("name").defaultValue = name;
      progress(await window.kilopair.source.progress());
    } catch (error) {
      byId("name").value = byId("name").defaultValue;
      messages.toast(`The name was not changed: ${error.message}`);
    }
  }

  function search() {
    if (getComputedStyle(byId("list")).display === "none") toggleList();
    byId("search").focus();
    byId("search").select();
  }

  const ACTIONS = {
    a: accept,
    r: dialogs.reasons,
    e: startEdit,
    s: () => decide.decide("skip"),
    u: () => decide.undo(),
    n: dialogs.note,
    j: () => step(1),
    k: () => step(-1),
    g: () => beside.showTwins() || messages.toast("No duplicates of this pair"),
    o: source_panel.openDocument,
    b: dialogs.bulk,
    w: acceptAll,
    "/": search,
    "?": dialogs.help,
  };

  function buttons() {
    const keysOf = { accept: "a", reject: "r", edit: "e", skip: "s", undo: "u", note: "n", next: "j", previous: "k" };
    for (const [id, key] of Object.entries(keysOf)) byId(id).addEventListener("click", ACTIONS[key]);
    for (const id of ["list-open", "list-close"]) byId(id).addEventListener("click", toggleList);
    byId("name").addEventListener("change", rename);
  }

  // The names and numbers of the filters; the list does not wait for them.
  async function facets() {
    for (let wait = 500; ; wait = Math.min(2 * wait, 5000)) {
      try {
        return filters.offer(await window.kilopair.source.facets());
      } catch (error) {
        if (error.status >= 400 && error.status < 500) return undefined;
        await new Promise((done) => setTimeout(done, wait));
      }
    }
  }

  function choose(place) {
    if (byId("list").classList.contains("open")) toggleList();
    goTo(place);
  }

  async function start() {
    const hands = { painted: screen.painted, show: screen.show, redraw: screen.redraw, toast: messages.toast, next, reload, progress, refused };
    buttons();
    keys.start(ACTIONS);
    edit.start({ save: decide.edit, closed: () => byId("card").focus({ preventScroll: true }) });
    dialogs.start(hands);
    list.start(choose);
    filters.start(() => reload());
    const { id, last } = filters.begin();
    decide.start(hands);
    messages.refusals(lookAgain);
    facets();
    window.kilopair.source.progress().then(progress, () => {});
    await reload(id, last);
    setInterval(poll, POLL);
  }

  start();
})();
