// What the queue shows: the controls above it, the address of the page, and what was chosen last time.
"use strict";

(() => {
  const { element, byId, kept, said, count } = window.kilopair;
  const FIELDS = ["where", "state", "task", "document", "reason", "min_score", "max_score", "text"]; // each has a control
  const OTHERS = ["split", "section", "family", "kind", "cluster", "flag", "reviewer"]; // come from links of the other pages and are shown as chips
  const FACETS = { where: "wheres", state: "states", task: "tasks", document: "documents", reason: "reasons" };
  const STATES = ["undecided", "accepted", "edited", "repaired", "rejected", "skipped", "disputed"]; // all of them: what nobody has said yet may be said next
  const GO_ON = "chosen,valid"; // what goes on to training: chosen pairs, or all valid ones while none are chosen
  const NAMES = { left_out: "left out" };
  let typing = 0; // a timer
  let searched = ""; // what was asked for last
  let extra = {};
  let changed = () => {};

  const controls = () => FIELDS.map((name) => [name, byId("filters").elements[name]]);

  function start(onChange) {
    changed = onChange;
    const form = byId("filters");
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("change", (event) => event.target.id !== "search" && apply());
    byId("search").addEventListener("input", () => {
      clearTimeout(typing);
      typing = setTimeout(typed, 250);
    });
    byId("search").addEventListener("blur", typed);
    byId("clear").addEventListener("click", () => set({}, byId("sort").value));
  }

  // Ask for what the search says now, unless it was asked for already; at once when the field is left.
  function typed() {
    clearTimeout(typing);
    if (byId("search").value.trim() !== searched) apply();
  }

  function apply() {
    searched = byId("search").value.trim();
    remember();
    changed();
  }

  // The filter as asked of the source, without what is empty; numbers as numbers.
  function filter() {
    const given = controls().map(([name, control]) => [name, control.type === "number" ? control.valueAsNumber : control.value.trim()]);
    const whole = { ...extra, ...Object.fromEntries(given) };
    return Object.fromEntries(Object.entries(whole).filter(([, value]) => value !== "" && !Number.isNaN(value)));
  }

  function put(wanted, sort) {
    for (const [name, control] of controls()) {
      const value = wanted[name] ?? "";
      if (control.tagName === "SELECT" && value && ![...control.options].some((option) => option.value === value)) control.append(element("option", { value }, shown(value)));
      control.value = value;
    }
    extra = Object.fromEntries(OTHERS.filter((name) => wanted[name]).map((name) => [name, wanted[name]]));
    if (sort) byId("sort").value = sort;
    searched = byId("search").value.trim();
    chips();
  }

  function set(wanted, sort) {
    put(wanted, sort);
    apply();
  }

  function chips() {
    byId("more-filters").replaceChildren(
      ...Object.entries(extra).map(([name, value]) =>
        element("button", { type: "button", class: "chip-button", "aria-label": `Remove the filter ${name} ${value}`, onclick: () => drop(name) }, `${name}: ${said(value)} ×`),
      ),
    );
  }

  function drop(name) {
    delete extra[name];
    chips();
    apply();
  }

  function remember() {
    const sort = byId("sort").value;
    const now = filter();
    kept.set("view", JSON.stringify({ filter: now, sort }));
    address(now, sort);
    byId("clear").hidden = !Object.keys(now).length;
  }

  function address(now, sort) {
    if (location.protocol === "file:") return;
    const query = new URLSearchParams(Object.entries({ ...now, sort }).map(([name, value]) => [name, String(value)]));
    history.replaceState(null, "", `${location.pathname}?${query}`);
  }

  // What to begin with: the address, else what was looked at last, else undecided chosen pairs, most doubtful first.
  // Returns the pair to begin with: {id: the one that the address names, or last: the one that was looked at last}.
  function begin() {
    const given = Object.fromEntries(new URLSearchParams(location.search));
    const { id, sort, token, ...wanted } = given;
    const asked = Object.keys(wanted).length > 0 || Boolean(sort);
    if (asked) put(wanted, sort);
    else if (id) put({}, "doubt");
    else put(...last());
    remember();
    const again = performance.getEntriesByType("navigation")[0]?.type === "reload";
    return id || (asked && !again) ? { id } : { last: kept.get("last") };
  }

  function last() {
    try {
      const view = JSON.parse(kept.get("view"));
      if (view) return [view.filter, view.sort];
    } catch {
      // written by another version: begin anew
    }
    return [{ state: "undecided", where: GO_ON }, "doubt"];
  }

  function shown(value) {
    return NAMES[value] || said(value).replaceAll(",", " or ");
  }

  function offer(facets) {
    const place = byId("filter-where");
    const there = (facets.wheres || []).find((facet) => facet.n && GO_ON.split(",").includes(facet.name));
    for (const [name, key] of Object.entries(FACETS)) {
      const control = byId("filters").elements[name];
      const before = control.value;
      const all = control.options[0];
      const named = name === "document" ? (value) => value : shown;
      const options = name === "state" ? STATES.map((value) => element("option", { value }, shown(value))) : (facets[key] || []).map((facet) => element("option", { value: facet.name }, `${named(facet.name)} (${count(facet.n)})`));
      control.replaceChildren(all, ...options);
      if (before && !options.some((option) => option.value === before)) control.append(element("option", { value: before }, shown(before)));
      control.value = before;
    }
    if (place.value === GO_ON && there) place.value = there.name;
  }

  window.kilopair.filters = { start, begin, filter, set, offer, sort: () => byId("sort").value };
})();
