// A passage of canonical Markdown as DOM nodes. Every text node knows where in the passage it stands, so that evidence is
// marked by its offsets, whatever markup is between, and a selection can be quoted as the passage has it.
"use strict";

(() => {
  const { element } = window.kilopair;
  const places = new WeakMap(); // text node -> where it starts in its passage, in UTF-16 units
  const ITEM = /^(\s*)([-*+]|\d{1,9}[.)])(\s+)/;
  const HEADING = /^(#{1,6})\s+/;
  const FENCE = /^\s*(```|~~~)/;
  const QUOTE = /^\s*>\s?/;
  const RULE = /^\s*(?:-{3,}|\*{3,}|_{3,})\s*$/;
  const DELIMITER = /^\|?\s*:?-+:?\s*(?:\|\s*:?-+:?\s*)*\|?$/; // of a trimmed line
  // All repeats are bounded and links hold no brackets, so that no line takes long, however it is made.
  const INLINE = /\\([!-/:-@[-`{-~])|(`+)([^`]|[^`][\s\S]{0,1000}?[^`])\2(?!`)|(\*\*|__)(?=\S)([\s\S]{0,1000}?\S)\4|(?<![\p{L}\p{N}_*])([*_])(?=[^\s*_])([^*_]{0,1000}?[^\s*_])\6(?![\p{L}\p{N}_])|!?\[((?:\\.|[^[\]\\]){0,500})\]\(((?:\\.|[^()\\\s]|\([^()\s]{0,200}\)){0,1000})(?:\s{1,9}"[^"]{0,200}")?\)/gu;
  const DEEPEST = 16; // quotes in quotes, emphasis in emphasis; what is deeper is shown as it is

  // `spans` are [start, end) in UTF-16 units, sorted and disjoint.
  function passage(text, spans) {
    const whole = element("div", { class: "passage" });
    const lines = [];
    let start = 0;
    for (const line of text.split("\n")) {
      lines.push({ start, end: start + line.length });
      start += line.length + 1;
    }
    const depths = new Set([...text.matchAll(/^(#{1,6})\s/gm)].map((found) => found[1].length)); // a set: a call takes no 100,000 values
    blocks(whole, lines, { text, spans, top: Math.min(6, ...depths), depth: 0 });
    return whole;
  }

  function blocks(parent, lines, way) {
    let at = 0;
    way.depth += 1;
    while (at < lines.length) at = block(parent, lines, at, way);
    way.depth -= 1;
  }

  // Put one block that begins at line `at` into `parent`; return the line after it.
  function block(parent, lines, at, way) {
    const line = read(lines[at], way);
    if (!line.trim()) return at + 1;
    if (FENCE.test(line)) return fence(parent, lines, at, way);
    if (HEADING.test(line)) return heading(parent, lines, at, way);
    if (RULE.test(line)) return parent.append(element("hr")), at + 1;
    if (QUOTE.test(line) && way.depth < DEEPEST) return quote(parent, lines, at, way);
    if (isTable(lines, at, way)) return table(parent, lines, at, way);
    if (ITEM.test(line)) return list(parent, lines, at, way);
    return paragraph(parent, lines, at, way);
  }

  function read(line, way) {
    return way.text.slice(line.start, line.end);
  }

  function heading(parent, lines, at, way) {
    const marks = HEADING.exec(read(lines[at], way));
    const made = element("p", { class: `h h${marks[1].length}`, role: "heading", "aria-level": 3 + Math.max(0, marks[1].length - way.top) }); // below the title of its document
    inline(made, lines[at].start + marks[0].length, lines[at].end, way);
    parent.append(made);
    return at + 1;
  }

  function fence(parent, lines, at, way) {
    const mark = FENCE.exec(read(lines[at], way))[1];
    let end = at + 1;
    while (end < lines.length && !read(lines[end], way).trim().startsWith(mark)) end += 1;
    const code = element("code");
    if (end > at + 1) put(code, lines[at + 1].start, lines[end - 1].end, way);
    parent.append(element("pre", null, code));
    return end + 1;
  }

  function quote(parent, lines, at, way) {
    const inside = [];
    while (at < lines.length && QUOTE.test(read(lines[at], way))) {
      inside.push({ start: lines[at].start + QUOTE.exec(read(lines[at], way))[0].length, end: lines[at].end });
      at += 1;
    }
    const made = element("blockquote");
    blocks(made, inside, way);
    parent.append(made);
    return at;
  }

  function list(parent, lines, at, way) {
    const stack = []; // open lists, the innermost last
    while (at < lines.length) {
      const line = read(lines[at], way);
      const item = ITEM.exec(line);
      if (item) open(parent, stack, item).append(itemOf(lines[at], item, way));
      else if (line.trim() && /^\s+/.test(line) && stack.length) more(stack.at(-1).list.lastChild, lines[at], way);
      else if (line.trim() || at + 1 >= lines.length || !ITEM.test(read(lines[at + 1], way))) break;
      at += 1;
    }
    return at;
  }

  function open(parent, stack, item) {
    const depth = item[1].length;
    const number = parseInt(item[2], 10);
    const tag = Number.isNaN(number) ? "UL" : "OL";
    while (stack.length && (depth < stack.at(-1).depth || (depth === stack.at(-1).depth && stack.at(-1).list.tagName !== tag))) stack.pop();
    if (!stack.length || depth > stack.at(-1).depth) {
      const made = Number.isNaN(number) ? element("ul") : element("ol", { start: number });
      (stack.length ? stack.at(-1).list.lastChild : parent).append(made);
      stack.push({ depth, list: made });
    }
    return stack.at(-1).list;
  }

  function itemOf(line, item, way) {
    const made = element("li");
    inline(made, line.start + item[0].length, line.end, way);
    return made;
  }

  function more(item, line, way) {
    item.append("\n");
    inline(item, line.start + /^\s*/.exec(read(line, way))[0].length, line.end, way);
  }

  function isTable(lines, at, way) {
    return at + 1 < lines.length && read(lines[at], way).includes("|") && DELIMITER.test(read(lines[at + 1], way).trim());
  }

  function table(parent, lines, at, way) {
    const head = element("thead", null, row(lines[at], "th", way));
    const body = element("tbody");
    at += 2;
    while (at < lines.length && read(lines[at], way).includes("|")) {
      body.append(row(lines[at], "td", way));
      at += 1;
    }
    parent.append(element("div", { class: "scroll" }, element("table", null, head, body)));
    return at;
  }

  function row(line, tag, way) {
    const made = element("tr");
    for (const cell of cells(read(line, way))) {
      const place = element(tag, tag === "th" ? { scope: "col" } : null);
      inline(place, line.start + cell.start, line.start + cell.end, way);
      made.append(place);
    }
    return made;
  }

  // The cells of `| a | b \| c |`, without the space around them.
  function cells(line) {
    const found = [];
    let start = /^\s*\|?/.exec(line)[0].length;
    const last = line.trimEnd().length - 1;
    const end = line[last] === "|" && line[last - 1] !== "\\" && last >= start ? last : last + 1;
    for (let at = start; at <= end; at += 1) {
      if (at < end && (line[at] !== "|" || line[at - 1] === "\\")) continue;
      const cell = line.slice(start, at);
      const lead = cell.length - cell.trimStart().length;
      found.push({ start: start + lead, end: start + Math.max(lead, cell.trimEnd().length) });
      start = at + 1;
    }
    return found;
  }

  function paragraph(parent, lines, at, way) {
    const first = at;
    at += 1;
    while (at < lines.length) {
      const line = read(lines[at], way);
      if (!line.trim() || FENCE.test(line) || HEADING.test(line) || QUOTE.test(line) || ITEM.test(line)) break;
      if (isTable(lines, at, way)) break;
      at += 1;
    }
    const made = element("p");
    const joined = lines.slice(first, at);
    joined.forEach((line, index) => {
      if (index) made.append("\n");
      inline(made, line.start, line.end, way);
    });
    parent.append(made);
    return at;
  }

  function inline(parent, start, end, way) {
    const part = way.text.slice(start, end);
    let done = 0;
    way.depth += 1;
    for (const found of way.depth < DEEPEST ? part.matchAll(INLINE) : []) {
      put(parent, start + done, start + found.index, way);
      marked(parent, found, start, way);
      done = found.index + found[0].length;
    }
    way.depth -= 1;
    put(parent, start + done, end, way);
  }

  // One piece of inline markup, `found` by INLINE in the text that starts at `start`.
  function marked(parent, found, start, way) {
    const at = start + found.index;
    const [whole, escaped, ticks, code, strong, bold, single, leaning, words] = found;
    if (escaped !== undefined) put(parent, at + 1, at + 2, way);
    else if (ticks) put(into(parent, "code"), at + ticks.length, at + ticks.length + code.length, way);
    else if (strong) inline(into(parent, "strong"), at + 2, at + 2 + bold.length, way);
    else if (single) inline(into(parent, "em"), at + 1, at + 1 + leaning.length, way);
    else link(parent, { at, whole, words, address: found[9] }, way);
  }

  function into(parent, tag, given) {
    const made = element(tag, given);
    parent.append(made);
    return made;
  }

  // A link is text with its address to read: nothing in a document can take a reviewer anywhere.
  function link(parent, { at, whole, words, address }, way) {
    const picture = whole.startsWith("!");
    const made = into(parent, "span", { class: picture ? "picture" : "address", title: address });
    const start = at + (picture ? 2 : 1);
    if (words) inline(made, start, start + words.length, way);
    else made.append(picture ? "picture" : address);
  }

  // The text [start, end) as it stands, cut where evidence begins and ends.
  function put(parent, start, end, way) {
    for (const span of way.spans) {
      if (span.end <= start || span.start >= end) continue;
      if (span.start > start) leaf(parent, start, span.start, way);
      leaf(into(parent, "mark"), Math.max(start, span.start), Math.min(end, span.end), way);
      start = Math.min(end, span.end);
    }
    if (start < end) leaf(parent, start, end, way);
  }

  function leaf(parent, start, end, way) {
    const node = document.createTextNode(way.text.slice(start, end));
    places.set(node, start);
    parent.append(node);
  }

  // What is selected inside `root`, as the passage has it: {start, end} in UTF-16 units, or null.
  function selectedIn(root) {
    const selection = getSelection();
    if (!selection.rangeCount || selection.isCollapsed) return null;
    const range = selection.getRangeAt(0);
    const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
    let first = null;
    let last = null;
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      const place = places.get(node);
      if (place === undefined || !range.intersectsNode(node)) continue;
      const start = place + (node === range.startContainer ? range.startOffset : 0);
      const end = place + (node === range.endContainer ? range.endOffset : node.length);
      if (end <= start) continue;
      first = first === null ? start : Math.min(first, start);
      last = Math.max(last ?? 0, end);
    }
    return first === null ? null : { start: first, end: last };
  }

  Object.assign(window.kilopair, { passage, selectedIn });
})();
