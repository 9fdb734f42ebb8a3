// The queue on the screen: of any number of rows only those in view are in the page.
"use strict";

(() => {
  const { element, byId, rows, said, count } = window.kilopair;
  const HEIGHT = 66; // of a row, as in review.css
  const SPARE = 6; // rows drawn above and below the view
  let box;
  let inside;
  let selected = -1;
  let chosen = () => {}; // told the place that somebody chose
  let asked = false;

  function start(onChoose) {
    chosen = onChoose;
    box = byId("queue");
    inside = element("div", { class: "rows", role: "presentation" });
    box.append(inside);
    box.addEventListener("scroll", soon, { passive: true });
    new ResizeObserver(soon).observe(box);
    box.addEventListener("click", (event) => {
      const option = event.target.closest("[role=option]");
      if (option) chosen(Number(option.dataset.place));
    });
    box.addEventListener("keydown", walk);
  }

  // Arrows and their kin while the list has the focus.
  function walk(event) {
    const page = Math.max(1, Math.floor(box.clientHeight / HEIGHT) - 1);
    const last = rows.total() - 1;
    const to = { ArrowDown: selected + 1, ArrowUp: selected - 1, PageDown: selected + page, PageUp: selected - page, Home: 0, End: last }[event.key];
    if (to === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    chosen(Math.max(0, Math.min(last, to)));
  }

  function soon() {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      draw();
    });
  }

  function draw() {
    inside.style.height = `${rows.total() * HEIGHT}px`;
    const from = Math.max(0, Math.floor(box.scrollTop / HEIGHT) - SPARE);
    const to = Math.min(rows.total(), Math.ceil((box.scrollTop + box.clientHeight) / HEIGHT) + SPARE);
    const drawn = [];
    for (let place = from; place < to; place += 1) {
      const row = rows.at(place);
      if (row) drawn.push(option(row, place));
      else if (row === undefined) drawn.push(blank(place));
    }
    inside.replaceChildren(...drawn);
    if (rows.at(selected)) box.setAttribute("aria-activedescendant", `row-${selected}`);
    else box.removeAttribute("aria-activedescendant");
    rows.need(from, to, soon);
  }

  function option(row, place) {
    const made = element(
      "div",
      {
        role: "option", id: `row-${place}`, class: `row is-${row.state}`, "data-id": row.id, "data-place": place,
        "aria-selected": String(place === selected), "aria-setsize": rows.total(), "aria-posinset": place + 1,
      },
      element("p", { class: "row-question" }, row.question),
      element("p", { class: "row-answer" }, row.answer),
      element("p", { class: "row-about" }, ...about(row)),
    );
    made.style.transform = `translateY(${place * HEIGHT}px)`;
    return made;
  }

  function about(row) {
    const name = String(row.document || "").split("/").at(-1);
    return [
      element("span", { class: "row-where" }, [said(row.task), name].filter(Boolean).join(" · ")),
      row.cluster_size > 1 && element("span", { class: "row-twins", title: "pairs that say nearly the same" }, `${row.cluster_size} alike`),
      row.state === "undecided" ? row.doubt >= 0.5 && element("span", { class: "row-doubt" }, "doubtful") : element("span", { class: `row-state ${row.state}` }, row.state),
    ];
  }

  function blank(place) {
    const made = element("div", { class: "row blank", "aria-hidden": "true" });
    made.style.transform = `translateY(${place * HEIGHT}px)`;
    return made;
  }

  // Select a place and bring it into view; -1: none.
  function select(place) {
    selected = place;
    if (place >= 0) {
      inside.style.height = `${rows.total() * HEIGHT}px`;
      const top = place * HEIGHT;
      if (top < box.scrollTop) box.scrollTop = top;
      else if (top + 2 * HEIGHT > box.scrollTop + box.clientHeight) box.scrollTop = top + 3 * HEIGHT - box.clientHeight; // with what comes next
    }
    draw();
  }

  function showCount() {
    const total = rows.total();
    byId("count").textContent = total ? `${count(total)} ${total === 1 ? "pair" : "pairs"}` : "nothing here";
    byId("bulk-open").hidden = !total;
  }

  window.kilopair.list = { start, select, redraw: soon, showCount, selected: () => selected };
})();
