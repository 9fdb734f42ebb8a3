// What is asked before something is done: the reason of a rejection, a note, a decision on a whole list; and the help.
"use strict";

(() => {
  const { byId, count, plural, beside, decide, rows } = window.kilopair;
  const VERBS = { accept: "Accept", reject: "Reject", skip: "Skip" };
  const DONE = { accept: "Accepted", reject: "Rejected", skip: "Skipped" };
  const NAMES = { where: "place", text: "text", min_score: "score from", max_score: "score to" };
  let hands = null; // {painted(), reload(), toast(words)}
  let about = null; // the card that a dialog was opened for
  let expected = 0;

  function start(given) {
    hands = given;
    for (const dialog of document.querySelectorAll("dialog")) {
      let pressedBeside = false;
      dialog.addEventListener("pointerdown", (event) => (pressedBeside = isBeside(event, dialog)));
      dialog.addEventListener("click", (event) => {
        if ((pressedBeside && isBeside(event, dialog)) || event.target.closest("[data-close]")) dialog.close();
      });
    }
    byId("reasons").addEventListener("click", (event) => {
      const button = event.target.closest("[data-reason]");
      if (button) reject(button.dataset.reason);
    });
    byId("note-dialog").querySelector("form").addEventListener("submit", () => decide.note(byId("note-text").value.trim(), about));
    byId("note-text").addEventListener("keydown", (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) byId("note-save").click();
    });
    byId("bulk-action").addEventListener("change", drawBulk);
    byId("bulk").querySelector("form").addEventListener("submit", goBulk);
    byId("bulk-open").addEventListener("click", bulk);
    byId("help-open").addEventListener("click", help);
  }

  // Whether a pointer is beside a dialog and not on its margin. To close it, it must be pressed there too: who selects the text of
  // a field may let go anywhere.
  function isBeside(event, dialog) {
    const { left, right, top, bottom } = dialog.getBoundingClientRect();
    return event.target === dialog && (event.clientX < left || event.clientX > right || event.clientY < top || event.clientY > bottom);
  }

  function reasons() {
    about = hands.painted();
    if (!about) return;
    byId("reason-note").value = "";
    const others = beside.wordings(about).length;
    byId("reason-wordings").checked = false;
    byId("reason-wordings-line").hidden = !others;
    byId("reason-wordings-words").textContent = `also its ${plural(others, "other wording")}`;
    byId("reasons").showModal();
  }

  // Reject the pair that the dialog was opened for, if it is still the one on the screen.
  function reject(reason) {
    const note = byId("reason-note").value.trim();
    byId("reasons").close();
    const painted = hands.painted();
    if (!painted || !about || painted.id !== about.id) return;
    const given = note ? { reason, note } : { reason };
    if (byId("reason-wordings").checked) decide.decideAll("reject", given, beside.wordings(painted));
    else decide.decide("reject", given);
  }

  // The key W while a reason is asked for.
  function withWordings() {
    if (!byId("reason-wordings-line").hidden) byId("reason-wordings").click();
  }

  function rejectByNumber(number) {
    const button = byId("reasons").querySelectorAll("[data-reason]")[number - 1];
    if (button) reject(button.dataset.reason);
  }

  function note() {
    about = hands.painted();
    if (!about) return;
    byId("note-text").value = "";
    byId("note-dialog").showModal();
  }

  function help() {
    byId("help").showModal();
  }

  function bulk() {
    expected = rows.total();
    if (!expected) return;
    byId("bulk-problem").hidden = true;
    byId("bulk-note").value = "";
    drawBulk();
    byId("bulk").showModal();
  }

  function drawBulk() {
    const action = byId("bulk-action").value;
    for (const part of byId("bulk").querySelectorAll('[data-for="reject"]')) part.hidden = action !== "reject";
    byId("bulk-what").textContent = `${plural(expected, "pair")}: ${words(rows.query().filter)}. One undo (U) takes all of it back.`;
    byId("bulk-go").textContent = `${VERBS[action]} ${count(expected)}`;
    byId("bulk-go").className = action === "reject" ? "bad" : action === "accept" ? "good" : "first";
  }

  function words(filter) {
    const parts = Object.entries(filter).map(([name, value]) => `${NAMES[name] || name} ${window.kilopair.said(value).replaceAll(",", " or ")}`);
    return parts.length ? parts.join(", ") : "everything, as no filter is set";
  }

  async function goBulk(event) {
    event.preventDefault();
    const action = byId("bulk-action").value;
    const reason = action === "reject" ? byId("bulk-reason").value : "";
    byId("bulk-go").disabled = true;
    try {
      const n = await decide.bulk({ filter: rows.query().filter, expect: expected, action, reason, note: byId("bulk-note").value.trim() });
      byId("bulk").close();
      hands.toast(`${DONE[action]} ${count(n)}`);
      await hands.reload();
    } catch (error) {
      byId("bulk-problem").textContent = failed(error);
      byId("bulk-problem").hidden = false;
      if (error.status === 409) await recount();
    }
    byId("bulk-go").disabled = false;
  }

  function failed(error) {
    if (error.status === 409) return "The list has changed meanwhile, so nothing was decided. Look at it once more.";
    if (error.status === 0) return "No answer came, so it may be decided or not. Press again: it is decided once.";
    return `Nothing was decided: ${error.message}.`;
  }

  async function recount() {
    await hands.reload();
    expected = rows.total();
    drawBulk();
  }

  window.kilopair.dialogs = { start, reasons, rejectByNumber, withWordings, note, bulk, help, isOpen: () => document.querySelector("dialog[open]") !== null };
})();
