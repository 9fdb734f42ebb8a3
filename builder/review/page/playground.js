// The playground: a question to the models that there are, their answers beside each other, and what is held out nearest to it.
"use strict";

(() => {
  const { element, byId, plural, drawn } = window.kilopair;
  const form = byId("ask");
  if (!form) return;
  const csrf = document.querySelector('meta[name="csrf"]').content;
  const models = form.dataset.models.trim().split(" ");
  const NAMES = { base: "Base", tuned: "Tuned" };
  let history = []; // turns before the question, of a drawn conversation

  async function ask(path, body) {
    const post = { method: "POST", headers: { "Content-Type": "application/json", "X-Kilopair-CSRF": csrf }, body: JSON.stringify(body) };
    let reply;
    try {
      reply = await fetch(path, body ? post : {});
    } catch {
      throw new Error("the server does not answer; is kilopair review still running?");
    }
    const said = await reply.json().catch(() => null);
    if (!reply.ok || said === null) throw new Error((said && said.error) || `the server answered ${reply.status}`);
    return said;
  }

  function fill(question) {
    byId("question").value = question.instruction;
    byId("input").value = question.input;
    if (question.input) byId("more").open = true;
    remember(question.history);
  }

  function remember(turns) {
    history = turns;
    byId("turns").replaceChildren(...turns.map((turn) => element("li", null, element("b", null, turn.role), ` ${turn.content}`)));
    if (turns.length) byId("turns").append(element("li", null, element("button", { type: "button", class: "link", onclick: () => remember([]) }, "Ask without these turns")));
    byId("turns").hidden = !turns.length;
  }

  function trouble(words) {
    byId("trouble").textContent = words;
    byId("trouble").hidden = !words;
  }

  function settings() {
    const given = form.elements;
    return {
      question: given.question.value,
      input: given.input.value,
      history,
      temperature: Number(given.temperature.value),
      seed: Number(given.seed.value),
      max_new_tokens: Number(given.max_new_tokens.value),
    };
  }

  // One side of an exchange: the answer of a model, with how it came about.
  function side(model) {
    const answer = element("p", { class: "answer waiting" }, "waiting…");
    const facts = element("p", { class: "facts" });
    const box = element("section", { class: "side", "aria-label": NAMES[model], "data-model": model }, element("h3", null, NAMES[model]), answer, facts);
    return { model, answer, facts, box };
  }

  function told(said) {
    const seconds = `${said.seconds < 10 ? said.seconds.toFixed(1) : Math.round(said.seconds)} s`;
    const end = said.stopped ? "ended by itself" : "cut at the longest answer";
    const facts = [
      element("span", { class: "number" }, `${plural(said.tokens, "token")} in ${seconds}`),
      element("span", { class: said.stopped ? "" : "chip warn" }, end),
      element("span", { class: "number" }, `prompt ${plural(said.prompt_tokens, "token")}`),
    ];
    if (said.loading > 0.5) facts.push(element("span", null, `loaded in ${said.loading.toFixed(1)} s`));
    if ("exact_match" in said.marks) {
      const right = said.marks.exact_match === 1;
      facts.unshift(element("span", { class: `chip ${right ? "good" : "bad"}` }, right ? "as expected" : `not as expected, token F1 ${Math.round(100 * said.marks.token_f1)}%`));
    }
    return facts;
  }

  async function answered(one, given) {
    try {
      const said = await ask("/api/playground/ask", { ...given, model: one.model });
      one.answer.textContent = said.stopped_by_hand ? "stopped" : said.text || "(an empty answer)";
      one.answer.classList.toggle("waiting", Boolean(said.stopped_by_hand) || !said.text);
      if (!said.stopped_by_hand) one.facts.replaceChildren(...told(said));
    } catch (error) {
      one.answer.textContent = error.message;
      one.answer.className = "answer problem";
    }
    one.box.dataset.done = "1";
  }

  function nearest(found) {
    const link = element("a", { href: `/?id=${encodeURIComponent(found.id)}` }, "review");
    const title = found.is_same ? "A held-out question" : `The nearest held-out question, ${found.likeness}% alike`;
    const parts = [
      element("h3", null, title, " ", element("span", { class: "chip" }, found.split)),
      found.is_same ? null : element("p", { class: "said" }, found.instruction),
      found.input && !found.is_same ? element("p", { class: "said soft clamp" }, found.input) : null,
      element("p", null, element("span", { class: "soft" }, "expected "), element("span", { class: "said" }, found.output)),
    ];
    if (found.source) {
      const where = [found.source.path, ...(found.source.headings || []), found.source.page].filter(Boolean).join(" · ");
      parts.push(element("details", found.is_same ? { open: true } : null, element("summary", { class: "soft" }, `Source: ${where}`), drawn(found.source.text, found.source.evidence)));
    }
    return element("section", { class: "near" }, ...parts, element("p", { class: "facts" }, link));
  }

  async function exchange(given) {
    const sides = models.map(side);
    const near = element("div", { class: "near-place" });
    const turns = given.history.map((turn) => element("li", null, element("b", null, turn.role), ` ${turn.content}`));
    const box = element(
      "article",
      { class: "card exchange" },
      turns.length ? element("ol", { class: "turns" }, ...turns) : null,
      element("h2", null, given.question),
      given.input ? element("p", { class: "said soft clamp" }, given.input) : null,
      element("div", { class: "sides" }, ...sides.map((one) => one.box)),
      near,
    );
    byId("exchanges").prepend(box);
    const looked = ask("/api/playground/nearest", { question: given.question, input: given.input })
      .then((said) => said.nearest && near.replaceChildren(nearest(said.nearest)))
      .catch(() => near.replaceChildren(element("p", { class: "soft" }, "The nearest held-out question could not be looked up.")));
    await Promise.all([looked, ...sides.map((one) => answered(one, given))]);
  }

  function busy(now) {
    byId("go").disabled = now;
    byId("stop").hidden = !now;
  }

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    trouble("");
    busy(true);
    try {
      await exchange(settings());
    } finally {
      busy(false);
    }
  });
  byId("stop").addEventListener("click", () => ask("/api/playground/stop", {}).catch((error) => trouble(error.message)));
  byId("question").addEventListener("input", () => history.length && remember([]));
  form.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey) || byId("go").disabled) return;
    event.preventDefault();
    form.requestSubmit();
  });
  if (byId("draw"))
    byId("draw").addEventListener("click", async () => {
      trouble("");
      try {
        const { question } = await ask(`/api/playground/draw?split=${encodeURIComponent(byId("split").value)}`);
        if (question) fill(question);
        else trouble("there is no held-out question in this set");
      } catch (error) {
        trouble(error.message);
      }
    });
  if (form.dataset.history) remember(JSON.parse(form.dataset.history));
})();
