// A whole document: its Markdown drawn as in the review page, its evidence marked and in view.
"use strict";

(() => {
  const LONGEST = 400_000; // characters, beyond which the text stays as it was read: drawing it would take seconds
  const { passage, element } = window.kilopair;

  // Where evidence stands in the text of an element, in UTF-16 units.
  function marksIn(root) {
    const spans = [];
    let at = 0;
    for (const node of root.childNodes) {
      const end = at + node.textContent.length;
      if (node.nodeName === "MARK") spans.push({ start: at, end });
      at = end;
    }
    return spans;
  }

  const pages = [...document.querySelectorAll(".as-read")];
  if (pages.reduce((sum, page) => sum + page.textContent.length, 0) > LONGEST) return;
  const isHere = document.getElementById("e");
  for (const page of pages) page.replaceWith(element("div", { class: "sheet" }, passage(page.textContent, marksIn(page))));
  const first = document.querySelector("mark");
  if (!isHere || !first) return;
  first.id = "e";
  if (location.hash === "#e") first.scrollIntoView({ block: "center" });
})();
