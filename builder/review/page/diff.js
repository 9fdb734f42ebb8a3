// What an edit changed, word by word.
"use strict";

(() => {
  const { element } = window.kilopair;
  const MOST = 4_000_000; // cells of the table; above it the changed middle is shown as a whole

  function words(text) {
    return text.match(/\s+|[\p{L}\p{N}_]+|[^\s\p{L}\p{N}_]/gu) || [];
  }

  // The parts of both texts in order: [{kind: "same" | "del" | "ins", text}], neighbours of a kind joined.
  function diff(before, after) {
    const old = words(before);
    const now = words(after);
    let start = 0;
    while (start < old.length && start < now.length && old[start] === now[start]) start += 1;
    let end = 0;
    while (end < old.length - start && end < now.length - start && old.at(-1 - end) === now.at(-1 - end)) end += 1;
    const middle = between(old.slice(start, old.length - end), now.slice(start, now.length - end));
    const same = (from) => from.map((text) => ({ kind: "same", text }));
    return joined([...same(old.slice(0, start)), ...middle, ...same(old.slice(old.length - end))]);
  }

  function between(old, now) {
    if (old.length * now.length > MOST) return [{ kind: "del", text: old.join("") }, { kind: "ins", text: now.join("") }];
    const longest = table(old, now);
    const parts = [];
    let i = 0;
    let j = 0;
    while (i < old.length || j < now.length) {
      if (i < old.length && j < now.length && old[i] === now[j]) parts.push({ kind: "same", text: old[(j += 1, i++)] });
      else if (j >= now.length || (i < old.length && longest[i + 1][j] >= longest[i][j + 1])) parts.push({ kind: "del", text: old[i++] });
      else parts.push({ kind: "ins", text: now[j++] });
    }
    return parts;
  }

  // longest[i][j]: words that old[i:] and now[j:] share in order.
  function table(old, now) {
    const longest = Array.from({ length: old.length + 1 }, () => new Uint32Array(now.length + 1));
    for (let i = old.length - 1; i >= 0; i -= 1) {
      for (let j = now.length - 1; j >= 0; j -= 1) {
        longest[i][j] = old[i] === now[j] ? longest[i + 1][j + 1] + 1 : Math.max(longest[i + 1][j], longest[i][j + 1]);
      }
    }
    return longest;
  }

  // Between two changes a lone space is no common ground: "a b" -> "c d" reads as one change, deletions first.
  function joined(parts) {
    const whole = [];
    let gone = "";
    let come = "";
    const flush = () => {
      if (gone) whole.push({ kind: "del", text: gone });
      if (come) whole.push({ kind: "ins", text: come });
      gone = come = "";
    };
    parts.forEach((part, index) => {
      const next = parts[index + 1];
      if (part.kind === "del") gone += part.text;
      else if (part.kind === "ins") come += part.text;
      else if ((gone || come) && /^[ ]$/.test(part.text) && next && next.kind !== "same") {
        gone += part.text;
        come += part.text;
      } else {
        flush();
        const last = whole.at(-1);
        if (last && last.kind === "same") last.text += part.text;
        else whole.push({ ...part });
      }
    });
    flush();
    return whole;
  }

  // The diff as nodes: plain text, <del>, <ins>.
  function diffNodes(before, after) {
    return diff(before, after).map((part) => (part.kind === "same" ? part.text : element(part.kind, null, part.text)));
  }

  Object.assign(window.kilopair, { diff, diffNodes });
})();
