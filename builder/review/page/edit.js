// Editing in place: the texts of a pair, or of a draft that must be repaired, checked as they are typed.
"use strict";

(() => {
  const { element, byId, diffNodes } = window.kilopair;
  const FIELDS = [["instruction", "Question"], ["input", "Input"], ["output", "Response"]];
  const PAUSE = 400; // milliseconds after a key until the check
  let card = null;
  let before = null; // the texts that the form began with
  let hands = null; // {save(card, before, texts), closed()}
  let timer = 0;
  let asked = 0;
  let quotes = []; // the textareas of the evidence

  function start(given) {
    hands = given;
    const form = byId("edit-form");
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("input", (event) => {
      if (event.target.matches("textarea")) changed(event.target);
    });
  }

  // Open the form for a painted card; with `wanted`, texts that were typed before.
  function open(shown, wanted = null) {
    card = shown;
    const now = window.kilopair.card.textsOf(card);
    before = { ...now, quotes: now.quotes || ownQuotes() };
    quotes = [];
    byId("edit-form").replaceChildren(...form());
    show(true);
    problems(card.problems || []);
    if (wanted) fill(wanted);
    for (const area of areas()) wanted ? changed(area) : fit(area);
    byId("edit-output").focus();
    byId("edit-output").setSelectionRange(byId("edit-output").value.length, byId("edit-output").value.length);
    window.kilopair.source_panel.offerQuotes((text) => addQuote(text, true));
  }

  // Texts that were typed before, all of them.
  function fill(wanted) {
    for (const [name] of FIELDS) byId(`edit-${name}`).value = wanted[name];
    wanted.history.slice(0, before.history.length).forEach((turn, place) => (byId(`edit-history-${place}`).value = turn.content));
    quotes = [];
    byId("edit-quotes").replaceChildren(...(wanted.quotes || ownQuotes()).map(quoteOf));
    if (wanted.quotes) byId("edit-quotes").closest("details").open = true;
  }

  function show(editing) {
    byId("edit-form").hidden = !editing;
    for (const id of ["card", "figures", "beside", "actions"]) byId(id).hidden = editing;
  }

  function close() {
    if (!card) return;
    clearTimeout(timer);
    asked += 1;
    card = null;
    byId("edit-form").replaceChildren();
    show(false);
    window.kilopair.source_panel.offerQuotes(null);
    hands.closed();
  }

  function form() {
    return [
      element("div", { id: "edit-problems" }, element("div", { id: "problems-pair" }), element("div", { id: "problems-extra" })),
      ...before.history.map((turn, place) => field(`history-${place}`, turn.role === "user" ? "Before it: the person" : "Before it: the assistant", turn.content)),
      before.history.length ? element("div", { id: "problems-history" }) : null,
      ...FIELDS.map(([name, title]) => field(name, title, before[name])),
      evidence(),
      element(
        "div",
        { class: "edit-end" },
        element("button", { type: "button", id: "save", class: "good", onclick: save }, card.kind === "draft" ? "Repair and accept" : "Save and accept", element("kbd", null, "Ctrl ↵")),
        element("button", { type: "button", id: "cancel", onclick: close }, "Cancel", element("kbd", null, "Esc")),
        element("span", { id: "edit-state", class: "soft", role: "status" }),
      ),
    ].filter(Boolean);
  }

  function field(name, title, value) {
    return element(
      "div",
      { class: "edit-field" },
      element("label", { for: `edit-${name}` }, title),
      element("textarea", { id: `edit-${name}`, "data-was": value, rows: 1, value, spellcheck: true, "aria-describedby": `problems-${name}` }),
      element("div", { id: `problems-${name}` }),
      element("p", { class: "changes", id: `changes-${name}`, hidden: true, "aria-label": "What changes" }),
    );
  }

  function evidence() {
    const list = element("div", { id: "edit-quotes" });
    const made = element(
      "details",
      { class: "edit-evidence", open: card.kind === "draft" },
      element("summary", null, "Evidence"),
      element("p", { class: "soft" }, "Quotes of the documents, word for word. Select text in the passage to add one."),
      list,
      element("div", { id: "problems-quotes" }),
      element("button", { type: "button", class: "quiet", onclick: () => addQuote("", true) }, "Add a quote"),
    );
    for (const quote of before.quotes) list.append(quoteOf(quote));
    return made;
  }

  function quoteOf(text) {
    const area = element("textarea", { rows: 1, value: text, "aria-label": `Quote ${quotes.length + 1}`, "aria-describedby": "problems-quotes" });
    const line = element("div", { class: "edit-quote" }, area, element("button", { type: "button", class: "quiet icon", "aria-label": "Remove this quote", title: "Remove this quote", onclick: () => remove(line, area) }, "×"));
    quotes.push(area);
    return line;
  }

  function addQuote(text, focus) {
    const line = quoteOf(text);
    byId("edit-quotes").append(line);
    line.closest("details").open = true;
    changed(line.querySelector("textarea"));
    if (focus) line.querySelector("textarea").focus();
  }

  function remove(line, area) {
    quotes = quotes.filter((other) => other !== area);
    line.remove();
    later();
  }

  // The evidence that the item has of itself, whatever an edit made of it.
  function ownQuotes() {
    return card.quotes || [];
  }

  function sameQuotes(some, others) {
    return some.length === others.length && some.every((quote, place) => quote === others[place]);
  }

  function areas() {
    return [...byId("edit-form").querySelectorAll("textarea")];
  }

  function fit(area) {
    area.style.height = "auto";
    area.style.height = `${Math.min(area.scrollHeight + 2, innerHeight * 0.5)}px`;
  }

  function changed(area) {
    fit(area);
    const shown = byId(`changes-${area.id.replace("edit-", "")}`);
    if (shown) {
      shown.hidden = area.value === area.dataset.was;
      shown.replaceChildren(...(shown.hidden ? [] : diffNodes(area.dataset.was, area.value)));
    }
    later();
  }

  function texts() {
    const now = quotes.map((area) => area.value.trim()).filter(Boolean);
    return {
      instruction: byId("edit-instruction").value.trim(),
      input: byId("edit-input").value.trim(),
      output: byId("edit-output").value.trim(),
      history: before.history.map((turn, place) => ({ role: turn.role, content: byId(`edit-history-${place}`).value.trim() })),
      quotes: sameQuotes(now, ownQuotes()) ? null : now,
    };
  }

  function isChanged() {
    if (!card) return false;
    const now = texts();
    return !sameQuotes(now.quotes || ownQuotes(), before.quotes) || FIELDS.some(([name]) => now[name] !== before[name].trim()) || now.history.some((turn, place) => turn.content !== before.history[place].content.trim());
  }

  function later() {
    clearTimeout(timer);
    timer = setTimeout(() => check().catch(() => {}), PAUSE);
  }

  // Resolves to the problems of the texts as they are now; null if newer ones were asked about since.
  async function check() {
    asked += 1;
    const mine = asked;
    const found = await window.kilopair.source.check(card.id, texts());
    if (mine !== asked) return null;
    problems(found.problems);
    return found.problems;
  }

  function problems(found) {
    for (const old of byId("edit-form").querySelectorAll("[data-problem]")) old.remove();
    for (const area of areas()) area.removeAttribute("aria-invalid");
    for (const problem of found) {
      const place = byId(`problems-${problem.field}`) || byId("problems-pair");
      place.append(element("p", { class: "problem", "data-problem": problem.field }, problem.message));
      for (const area of concerned(problem.field)) area.setAttribute("aria-invalid", "true");
    }
    byId("edit-state").textContent = found.length ? "not valid yet" : isChanged() ? "valid" : "";
  }

  function concerned(name) {
    if (name === "quotes") return quotes;
    if (name === "history") return areas().filter((area) => area.id.startsWith("edit-history-"));
    return [byId(`edit-${name}`)].filter(Boolean);
  }

  // Save what is valid. While the server is away an edited pair is kept and checked when it is replayed; a draft must wait.
  async function save() {
    clearTimeout(timer);
    const [shown, old, now] = [card, before, texts()];
    if (!isChanged() && shown.kind !== "draft") return done(shown, old, null);
    try {
      const found = await check();
      if (found === null || card !== shown) return;
      if (found.length) return (concerned(found[0].field)[0] || byId("edit-output")).focus();
    } catch (error) {
      if (card !== shown) return;
      if (error.status || shown.kind === "draft") return void (byId("edit-state").textContent = `cannot be checked now: ${error.message}`);
    }
    done(shown, old, now);
  }

  function done(shown, old, now) {
    close();
    const { quotes: _, ...was } = old;
    hands.save(shown, was, now);
  }

  window.kilopair.edit = { start, open, close, save, isOpen: () => card !== null, isChanged };
})();
