// Where items come from and decisions go: the server. A page without one puts another object of the same methods here.
"use strict";

(() => {
  const PATIENCE = 15_000; // milliseconds until an answer counts as lost; what was sent is then sent again, and stored once

  let dataset = "";

  class Refusal extends Error {
    constructor(message, status, body) {
      super(message);
      this.status = status; // 0: no answer at all
      this.body = body;
    }
  }

  async function ask(path, given) {
    let reply;
    try {
      reply = await fetch(path, { credentials: "same-origin", cache: "no-store", signal: AbortSignal.timeout(PATIENCE), ...given });
    } catch {
      throw new Refusal("the server does not answer", 0, null);
    }
    const body = await reply.json().catch(() => null);
    if (!reply.ok || body === null) throw new Refusal((body && body.error) || `the server answered ${reply.status}`, reply.status, body);
    return body;
  }

  function post(path, body) {
    const csrf = document.querySelector('meta[name="csrf"]').content;
    return ask(path, { method: "POST", headers: { "Content-Type": "application/json", "X-Kilopair-CSRF": csrf }, body: JSON.stringify(body) });
  }

  function query(filter) {
    const given = Object.entries(filter).filter(([, value]) => value !== "" && value !== null && value !== undefined);
    return new URLSearchParams(given.map(([name, value]) => [name, String(value)]));
  }

  // What was decided since; the server is told which dataset this page has seen, as a run may have made the pairs anew.
  async function changes(after) {
    const found = await ask(`/api/changes?${query({ after, dataset })}`);
    dataset = found.dataset;
    return found;
  }

  window.kilopair.source = {
    facets: () => ask("/api/facets"),
    items: (filter, sort, offset, limit) => ask(`/api/items?${query({ ...filter, sort, offset, limit })}`),
    item: (id) => ask(`/api/item/${encodeURIComponent(id)}`),
    send: (events) => post("/api/decisions", { events }),
    bulk: (request) => post("/api/bulk", request),
    check: (item, texts) => post("/api/check", { item, texts }),
    progress: () => ask("/api/progress"),
    changes: (after) => changes(after),
    lease: (item) => post("/api/lease", { item }),
    setName: (name) => post("/api/name", { name }),
    documentUrl: (documentId, card) => `/document/${encodeURIComponent(documentId)}?${query({ item: card.id })}#e`,
  };
})();
