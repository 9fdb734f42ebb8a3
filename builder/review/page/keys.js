// One key, one thing: only while nothing is typed, without modifiers, and never on a key held down.
"use strict";

(() => {
  const { byId, dialogs, edit } = window.kilopair;
  let actions = {}; // key -> what it does

  function start(given) {
    actions = given;
    document.addEventListener("keydown", press);
  }

  function press(event) {
    if (event.isComposing || event.repeat) return;
    if (edit.isOpen() && !dialogs.isOpen()) return editing(event);
    if (event.ctrlKey || event.metaKey || event.altKey || isTyped(event.target)) return escapeFrom(event);
    const key = keyOf(event);
    if (dialogs.isOpen()) return inDialog(event, key);
    if (event.shiftKey && key !== "?" && key !== "/") return;
    const action = actions[key];
    if (!action) return;
    event.preventDefault();
    action();
  }

  function editing(event) {
    if (event.key === "Escape") edit.close();
    else if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) edit.save();
    else return;
    event.preventDefault();
  }

  // A field of a dialog that was just closed keeps the focus for a moment, but nobody types in it, nor in a box to tick.
  function isTyped(target) {
    const field = target instanceof Element && target.closest("input:not([type=checkbox]), textarea, select, [contenteditable]");
    return Boolean(field) && !field.closest("dialog:not([open])");
  }

  // Escape leaves a field, so that the keys work again.
  function escapeFrom(event) {
    if (event.key === "Escape" && isTyped(event.target) && !dialogs.isOpen()) event.target.blur();
  }

  function inDialog(event, key) {
    if (!byId("reasons").open || !/^[1-9w]$/.test(key)) return;
    event.preventDefault();
    if (key === "w") dialogs.withWordings();
    else dialogs.rejectByNumber(Number(key));
  }

  // The letter or digit of a key: what it types, or on a keyboard of other letters where it is.
  function keyOf(event) {
    if (/^[a-z0-9?/]$/i.test(event.key)) return event.key.toLowerCase();
    const place = /^(?:Key([A-Z])|(?:Digit|Numpad)([0-9]))$/.exec(event.code);
    return place ? (place[1] || place[2]).toLowerCase() : event.key;
  }

  window.kilopair.keys = { start };
})();
