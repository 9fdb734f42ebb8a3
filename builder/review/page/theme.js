// Light or dark: as the system has it until the switch is used. Loaded in the head, so that no page flashes in the other colours.
"use strict";

(() => {
  const KEY = "kilopair-theme";
  const root = document.documentElement;

  function remembered() {
    try {
      return localStorage.getItem(KEY);
    } catch {
      return null; // a page opened from a file may have no storage
    }
  }

  function remember(theme) {
    try {
      localStorage.setItem(KEY, theme);
    } catch {
      // the choice then lasts as long as the page
    }
  }

  function isDark() {
    return root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  }

  function turn() {
    root.dataset.theme = isDark() ? "light" : "dark";
    remember(root.dataset.theme);
  }

  const theme = remembered();
  if (theme === "dark" || theme === "light") root.dataset.theme = theme;
  document.addEventListener("click", (event) => {
    if (event.target.closest("#theme")) turn();
  });
})();
