// The records that this file holds, and lists of them: filters, orders and search with the results of the server's index.
"use strict";

(() => {
  const SPLIT_LETTERS = /([\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff])/g; // no space between words
  const AN_ID = /^pair-[0-9a-f]{4,16}$/;
  const SAME = ["task", "split", "section", "family", "kind", "cluster"];
  const ORDERS = {
    doubt: [["doubt", -1]],
    score: [["score", 1]],
    document: [["document", 1]],
    task: [["task", 1], ["doubt", -1]],
    newest: [["seq", -1]],
    order: [],
  };

  // Every item in the order of the documents: `row` as in lists, its card, and how it stands.
  function items(held) {
    const passages = held.passages;
    return held.items.map((one, n) => {
      const source = one.card.source && { ...passages[one.card.source.passage], ...one.card.source };
      return { ...one, n, card: { ...one.card, source }, words: null };
    });
  }

  // The words of a text as SQLite's FTS5 has them (unicode61 remove_diacritics 2): small letters and digits, Latin ones without accents.
  function wordsOf(text) {
    const plain = text.replace(SPLIT_LETTERS, " $1 ").normalize("NFD").replace(/([a-z])[\u0300-\u036f]+/gi, "$1").normalize("NFC");
    return plain.toLowerCase().match(/[\p{L}\p{N}\p{Co}]+/gu) || [];
  }

  // What is searched: phrases, each a list of words that follow each other; of the last one the beginning is enough, unless quoted.
  function phrasesOf(text) {
    const parts = text.match(/"[^"]+"|[^\s"]+/g) || [];
    return parts.map((part) => ({ words: wordsOf(part), whole: part.startsWith('"') })).filter((phrase) => phrase.words.length);
  }

  function says(words, phrase) {
    const last = phrase.words.length - 1;
    const fits = (word, place) => word === phrase.words[place] || (place === last && !phrase.whole && word.startsWith(phrase.words[last]));
    return words.some((_, at) => at + last < words.length && phrase.words.every((_, place) => fits(words[at + place], place)));
  }

  function textOf(card) {
    return [...card.history.map((turn) => turn.content), card.instruction, card.input, card.output].join("\n");
  }

  function searched(item, text) {
    if (AN_ID.test(text)) return item.row.id.startsWith(text);
    item.words = item.words || wordsOf(textOf(item.card));
    return phrasesOf(text).every((phrase) => says(item.words, phrase));
  }

  // Whether an item is what a filter asks for; `standing` is how it stands now.
  function fits(item, standing, filter) {
    const { row } = item;
    const state = standing ? standing.state : "undecided";
    const listed = (asked, value) => !asked || asked.split(",").filter(Boolean).includes(value);
    return (
      listed(filter.where, row.where) &&
      (!filter.state || !filter.state.split(",").some(Boolean) || listed(filter.state, state)) &&
      SAME.every((name) => !filter[name] || String(row[name] ?? "") === filter[name]) &&
      (!filter.document || filter.document === row.document || filter.document === row.document_id) &&
      (!filter.reason || row.reason === filter.reason) &&
      (!filter.flag || row.flags.includes(filter.flag)) &&
      (!filter.reviewer || Boolean(standing && standing.decisions.some((one) => one.reviewer === filter.reviewer))) &&
      isWithin(row.score, filter.min_score, filter.max_score) &&
      (!filter.text || searched(item, filter.text.trim()))
    );
  }

  function isWithin(score, least, most) {
    const isGiven = (limit) => limit !== undefined && limit !== null && limit !== "";
    return [[least, 1], [most, -1]].every(([limit, sign]) => !isGiven(limit) || (score !== null && sign * (score - Number(limit)) >= 0));
  }

  // The items of a filter in an order; what is not known comes last, equal ones as in the documents.
  function listed(all, standings, filter, sort) {
    const found = all.filter((item) => fits(item, standings[item.row.id], filter));
    const key = (item, name) => (name === "seq" ? (standings[item.row.id] || { seq: 0 }).seq : item.row[name]);
    return found.sort((one, other) => {
      for (const [name, sign] of ORDERS[sort] || ORDERS.doubt) {
        const order = compared(key(one, name), key(other, name), sign);
        if (order) return order;
      }
      return one.n - other.n;
    });
  }

  function compared(one, other, sign) {
    if (one === other) return 0;
    if (one === null) return 1;
    if (other === null) return -1;
    return one < other ? -sign : sign;
  }

  // Counts of every facet, the most frequent first; documents in their own order.
  function facets(all) {
    const names = { tasks: "task", documents: "document", reasons: "reason", wheres: "where", splits: "split", families: "family" };
    const found = {};
    for (const [facet, name] of Object.entries(names)) {
      const counts = counted(all.map((item) => item.row[name]).filter(Boolean));
      found[facet] = [...counts].map(([value, n]) => ({ name: value, n }));
      if (facet !== "documents") found[facet].sort((one, other) => other.n - one.n || compared(one.name, other.name, 1));
    }
    return found;
  }

  function counted(values) {
    const counts = new Map();
    for (const value of values) counts.set(value, (counts.get(value) || 0) + 1);
    return counts;
  }

  window.kilopair = window.kilopair || {};
  window.kilopair.embedded = { items, listed, facets, counted };
})();
