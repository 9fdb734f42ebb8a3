// What the page has to say: notices above the pair, and words that pass.
"use strict";

(() => {
  const { element, byId, kept } = window.kilopair;
  const SHOWN = 4000; // milliseconds that passing words stay, unless more are given
  let passing = 0;

  // A notice about the pair on the screen; a `lasting` one stays when another pair comes.
  function notice(words, { kind = "", lasting = false, ways = [] } = {}) {
    const buttons = ways.map(([name, act]) => element("button", { type: "button", class: "link", onclick: () => act(made) }, name));
    const made = element("p", { class: ["notice", kind, lasting ? "lasting" : ""].join(" ").trim() }, words, ...buttons.flatMap((button) => [" ", button]));
    byId("notices").append(made);
  }

  function clear() {
    for (const old of byId("notices").querySelectorAll(".notice:not(.lasting)")) old.remove();
  }

  function toast(words, shown = SHOWN) {
    clearTimeout(passing);
    byId("toast").textContent = words;
    byId("toast").hidden = false;
    passing = setTimeout(() => (byId("toast").hidden = true), shown);
  }

  // A decision that was not taken in: it waits in this browser until somebody looks at it again or lets it go. `again` tells
  // whether it could be shown: what was typed must not be lost to another edit that is open.
  function refusal(event, message, again) {
    const forget = (made) => {
      kept.remove(`refused/${event.op}`);
      made.remove();
    };
    const ways = [["Look at it again", async (made) => (await again(event)) && forget(made)], ["Let it go", forget]];
    notice(`Not stored: your ${event.action} (${message}).`, { kind: "bad", lasting: true, ways });
  }

  // The refusals of an earlier sitting.
  function refusals(again) {
    for (const key of kept.keys("refused/")) {
      try {
        const { event, message } = JSON.parse(kept.get(key));
        refusal(event, message, again);
      } catch {
        kept.remove(key); // written by another version
      }
    }
  }

  window.kilopair.messages = { notice, clear, toast, refusal, refusals };
})();
