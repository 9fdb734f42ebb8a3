// Small comforts of the pages that explore a run; each of them works without.
"use strict";

(() => {
  // on a phone the links of the pages scroll sideways: show the one that is open
  const here = document.querySelector(".top nav [aria-current]");
  if (here) here.parentElement.scrollLeft = here.offsetLeft - (here.parentElement.clientWidth - here.offsetWidth) / 2;

  // a choice takes effect at once, and what was left empty stays out of the address
  for (const form of document.querySelectorAll("form.filters")) {
    form.addEventListener("change", (event) => event.target.matches("select") && form.requestSubmit());
    form.addEventListener("submit", () => {
      for (const control of form.elements) if (!control.value) control.disabled = true;
    });
  }
  // of a page that was left and came back to, as the browser kept it
  addEventListener("pageshow", () => document.querySelectorAll("form.filters :disabled").forEach((control) => (control.disabled = false)));
})();
