// The way out of a page without a server: the decisions as a file, which whoever sent the page takes in.
"use strict";

(() => {
  const { byId, kept, decisions, count, messages } = window.kilopair;
  const TOLD = 8000; // milliseconds
  const LATER = 60_000; // milliseconds until the browser may forget what it was given to download

  function show() {
    const fresh = unsaved();
    byId("save").textContent = fresh ? `Save decisions (${count(fresh)})` : "Save decisions";
    byId("save").disabled = !decisions.count();
    byId("unkept").hidden = decisions.isKept();
  }

  const unsaved = () => decisions.count() - Number(kept.get("downloaded") || 0);

  function save() {
    if (!decisions.name()) return askForName();
    const blob = new Blob([decisions.asFile()], { type: "application/x-ndjson" });
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = fileName();
    document.body.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(link.href), LATER);
    kept.set("downloaded", String(decisions.count()));
    show();
    messages.toast(`${link.download} is saved: send it back to whoever sent you this page`, TOLD);
  }

  function fileName() {
    const who = decisions.name().normalize("NFC").replace(/[^\p{L}\p{N}]+/gu, "-").replace(/^-|-$/g, "") || "reviewer";
    const now = new Date();
    const day = [now.getFullYear(), now.getMonth() + 1, now.getDate()].map((part) => String(part).padStart(2, "0")).join("-");
    return `decisions-${who}-${day}.jsonl`;
  }

  function askForName() {
    byId("name").placeholder = "your name, please";
    byId("name").focus();
    byId("announce").textContent = "Write your name first: decisions are yours";
  }

  // Decisions that this browser does not keep are lost with the page, so it asks before it is closed.
  addEventListener("beforeunload", (event) => {
    if (!decisions.isKept() && unsaved()) event.preventDefault();
  });
  byId("save").addEventListener("click", save);
  byId("name").value = byId("name").defaultValue = decisions.name();
  byId("name").placeholder = "your name";
  decisions.onChange(show);
  show();
})();
