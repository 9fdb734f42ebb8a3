// The middle column: what a pair says, why it may be doubted, and what was decided about it.
"use strict";

(() => {
  const { element, byId, said, figure, diffNodes } = window.kilopair;
  const DOUBTFUL = 0.5; // from here on a pair is called doubtful, as in the queue
  const PLACES = { chosen: "chosen", valid: "valid", left_out: "left out", quarantined: "quarantined" };

  // The texts of an item as they stand: its own, or what an edit made of them.
  function textsOf(card) {
    const own = { instruction: card.instruction, input: card.input, output: card.output, history: card.history || [] };
    return card.standing && card.standing.texts ? { ...own, ...card.standing.texts } : own;
  }

  function draw(card) {
    const box = byId("card");
    box.replaceChildren(...[why(card), edited(card), ...texts(card)].filter(Boolean));
    byId("figures").replaceChildren(...[figures(card), more(card)].filter(Boolean));
    box.setAttribute("aria-label", card.kind === "draft" ? "The draft" : "The pair");
  }

  function why(card) {
    const left = card.where === "left_out" || card.where === "quarantined";
    const reasons = [...(left && card.reason ? [leftBecause(card)] : []), ...(card.why_doubtful || []).filter((words) => !left || !sameWords(words, card))];
    const general = (card.problems || []).filter((problem) => !["instruction", "input", "output", "history"].includes(problem.field) && !(left && problem.message === card.detail));
    if (!reasons.length && !general.length) return null;
    return element(
      "section",
      { class: left ? "why left" : card.doubt >= DOUBTFUL ? "why" : "why little", "aria-label": "Look here first" },
      element("ul", null, ...reasons.map((words) => element("li", null, words[0].toUpperCase() + words.slice(1)))),
      ...general.map((problem) => problemLine(problem)),
    );
  }

  function leftBecause(card) {
    const stage = card.stage ? ` by ${said(card.stage)}` : "";
    return `${card.where === "quarantined" ? "Held back" : "Left out"}${stage}: ${said(card.reason)}${card.detail ? ` – ${card.detail}` : ""}`;
  }

  function sameWords(words, card) {
    return Boolean(card.detail) && words.includes(card.detail);
  }

  function edited(card) {
    const by = (card.standing ? card.standing.decisions : []).filter((decision) => decision.after).map((decision) => decision.reviewer);
    if (!card.standing || !card.standing.texts) return null;
    return element("p", { class: "edited-by soft" }, `Edited by ${by.join(", ")}; `, element("del", null, "what it was"), " and ", element("ins", null, "what it is now"), ".");
  }

  function texts(card) {
    const now = textsOf(card);
    const was = card.standing && card.standing.texts ? card : null;
    return [
      history(now.history, card),
      field("instruction", "Question", now, was, card),
      now.input || (was && was.input) ? field("input", "Input", now, was, card) : null,
      field("output", "Response", now, was, card),
    ];
  }

  function field(name, title, now, was, card) {
    const words = was && was[name] !== now[name] ? diffNodes(was[name] || "", now[name] || "") : [now[name]];
    const empty = words.length === 1 && typeof words[0] === "string" && !words[0].trim();
    return element(
      "section",
      { class: `field ${name}`, "data-field": name },
      element("h2", null, title),
      element("div", { class: "said" }, ...(empty ? [element("span", { class: "soft" }, "(empty)")] : words)),
      ...problemsOf(card, name),
    );
  }

  function history(turns, card) {
    if (!turns.length) return null;
    const rows = turns.map((turn) => element("li", { class: turn.role }, element("b", null, turn.role === "user" ? "Person" : "Assistant"), element("div", { class: "said" }, turn.content)));
    return element("section", { class: "field history", "data-field": "history" }, element("h2", null, "The conversation so far"), element("ol", null, ...rows), ...problemsOf(card, "history"));
  }

  function problemsOf(card, name) {
    return (card.problems || []).filter((problem) => problem.field === name).map(problemLine);
  }

  function problemLine(problem) {
    return element("p", { class: "problem", "data-problem": problem.field }, problem.message);
  }

  function figures(card) {
    const made = [];
    if (card.judge) made.push(judge(card.judge));
    const scores = Object.entries(card.scores || {}).filter(([name]) => name !== "judge" && !name.startsWith("judge/"));
    if (scores.length) made.push(facts("Scores", scores.map(([name, value]) => [said(name), figure(value)])));
    return made.length ? element("section", { class: "figures", "aria-label": "Scores" }, ...made) : null;
  }

  function judge({ score, criteria, reason }) {
    const rows = (criteria || []).map((one) => element("li", null, element("span", null, said(one.name)), element("b", { class: "number" }, figure(one.points)), one.reason && element("span", { class: "soft" }, one.reason)));
    return element(
      "div",
      { class: "judge" },
      element("p", null, element("span", { class: "soft" }, "Judge "), element("b", { class: "number" }, figure(score)), reason && element("span", null, ` – ${reason}`)),
      rows.length ? element("ul", null, ...rows) : null,
    );
  }

  function facts(title, rows) {
    return element("dl", { class: "facts", "aria-label": title }, ...rows.map(([name, value]) => element("div", null, element("dt", null, name), element("dd", { class: "number" }, value))));
  }

  function more(card) {
    const rows = [
      ["task", said(card.task)],
      ["form", card.form],
      ["grounding", card.grounding],
      ...Object.entries(card.made_by || {}).filter(([name]) => ["generator", "model", "rule"].includes(name)),
      ...(card.flags && card.flags.length ? [["flags", card.flags.map(said).join(", ")]] : []),
      ...Object.entries(card.extra || {}).map(([name, value]) => [said(name), typeof value === "string" ? value : JSON.stringify(value)]),
      ["id", card.id],
    ];
    return element("details", { class: "made" }, element("summary", null, "How it was made"), facts("How it was made", rows.filter(([, value]) => value)));
  }

  // The line above: state, who said it, and where the item is.
  function drawStanding(card) {
    const standing = card.standing || { state: "undecided", decisions: [] };
    const chip = byId("state");
    if (chip.textContent !== standing.state) chip.textContent = standing.state;
    chip.className = `chip ${standing.state}`;
    const newest = standing.decisions.at(-1);
    byId("state-more").textContent = newest ? [reasonWords(newest.reason), standing.decisions.length > 1 ? `${standing.decisions.length} reviewers` : ""].filter(Boolean).join(" · ") : "";
    byId("place").textContent = [PLACES[card.where] || said(card.where || ""), card.split && said(card.split)].filter(Boolean).join(" · ");
  }

  function reasonWords(reason) {
    const button = reason ? byId("reasons").querySelector(`[data-reason="${CSS.escape(reason)}"] span`) : null;
    return button ? button.textContent : reason || "";
  }

  function drawMissing(message) {
    byId("card").removeAttribute("aria-busy");
    byId("card").replaceChildren(element("p", { class: "empty" }, message));
    for (const id of ["figures", "beside"]) byId(id).replaceChildren();
    byId("source").replaceChildren();
    byId("state").textContent = "";
    byId("state").className = "chip";
    byId("state-more").textContent = byId("place").textContent = "";
  }

  window.kilopair.card = { draw, drawStanding, drawMissing, textsOf, reasonWords };
})();
