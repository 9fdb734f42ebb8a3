// The page of disputes: one click says the last word on an item; another takes it back.
"use strict";

(() => {
  const csrf = document.querySelector('meta[name="csrf"]').content;
  const problem = document.getElementById("settle-problem");
  const STATES = { accept: "accepted", reject: "rejected", edit: "edited", repair: "repaired" };

  function newOp() {
    // crypto.randomUUID is missing where the page is not from this machine
    return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
  }

  async function send(event) {
    const reply = await fetch("/api/decisions", {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-Kilopair-CSRF": csrf },
      body: JSON.stringify({ events: [event] }),
    });
    const body = await reply.json().catch(() => ({}));
    if (!reply.ok) throw new Error(body.error || `the server answered ${reply.status}`);
    return body;
  }

  // The op stays with its button until it is stored: pressed again after an error, the same event is sent, and stored once.
  async function decide(button, event, done) {
    const dispute = button.closest(".dispute");
    const buttons = dispute.querySelectorAll("button");
    button.dataset.op = button.dataset.op || newOp();
    problem.hidden = true;
    buttons.forEach((one) => (one.disabled = true));
    let body;
    try {
      body = await send({ op: button.dataset.op, item: dispute.dataset.item, base: Number(dispute.dataset.base), ...event });
      dispute.dataset.base = String(Math.max(...body.stored.map((one) => one.seq)));
    } catch (error) {
      problem.textContent = error instanceof TypeError ? "not saved: the server does not answer; try again" : `not saved: ${error.message}`;
      problem.hidden = false;
      problem.scrollIntoView({ block: "nearest" });
      return;
    } finally {
      buttons.forEach((one) => (one.disabled = false)); // before `done`, which gives one of them the focus
    }
    done(dispute, button.dataset.op, body.standings[dispute.dataset.item]);
    delete button.dataset.op;
  }

  function settled(dispute, op, standing, action) {
    const outcome = dispute.querySelector(".outcome");
    const state = standing ? standing.state : STATES[action];
    const chip = outcome.querySelector(".chip");
    chip.textContent = `settled: ${state}`;
    chip.className = `chip ${state}`;
    outcome.querySelector("[data-undo]").dataset.undo = op;
    show(dispute, true);
    outcome.querySelector("[data-undo]").focus();
  }

  function show(dispute, isSettled) {
    dispute.classList.toggle("settled", isSettled);
    dispute.querySelector(".outcome").hidden = !isSettled;
    dispute.querySelector('[role="group"]').hidden = isSettled;
    dispute.querySelectorAll(".side .actions").forEach((one) => (one.hidden = isSettled));
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-settle], [data-undo]");
    if (!button) return;
    if (button.dataset.settle === undefined) {
      decide(button, { action: "undo", undoes: button.dataset.undo }, (dispute) => {
        show(dispute, false);
        dispute.querySelector('[role="group"] button').focus();
      });
      return;
    }
    const action = button.dataset.settle;
    const said = { action, final: true };
    if (action === "reject") said.reason = button.closest(".dispute").querySelector("select").value;
    if (button.dataset.after) said.after = JSON.parse(button.dataset.after);
    decide(button, said, (dispute, op, standing) => settled(dispute, op, standing, action));
  });
})();
