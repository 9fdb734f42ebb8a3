// The way of any text into the page: DOM nodes and textContent, never markup. And the few words that all parts share.
"use strict";
window.kilopair = window.kilopair || {};

(() => {
  const SVG = "http://www.w3.org/2000/svg";

  // element("p", {class: "soft", "data-id": id, onclick: go}, "text", node, null): what is null or false is left out.
  function element(tag, given, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(given || {})) give(made, name, value);
    made.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
    return made;
  }

  function give(made, name, value) {
    if (value === null || value === undefined || value === false) return;
    if (name.startsWith("on")) {
      if (typeof value === "function") made.addEventListener(name.slice(2), value);
    } else if (name === "value") {
      made.value = value;
    } else {
      made.setAttribute(name, value === true ? "" : String(value));
    }
  }

  // Two connected lines that point at a thing, drawn; `path` is a constant of ours.
  function drawing(path) {
    const svg = document.createElementNS(SVG, "svg");
    for (const [name, value] of Object.entries({ viewBox: "0 0 16 16", width: "16", height: "16", "aria-hidden": "true" })) svg.setAttribute(name, value);
    const line = document.createElementNS(SVG, "path");
    for (const [name, value] of Object.entries({ d: path, fill: "none", stroke: "currentColor", "stroke-width": "1.5" })) line.setAttribute(name, value);
    svg.append(line);
    return svg;
  }

  function byId(id) {
    return document.getElementById(id);
  }

  // JavaScript counts UTF-16 units, kilopair counts code points: the places in `text` of these code points, in units.
  function unitsOf(text, points) {
    if (!/[\ud800-\udbff]/.test(text)) return points.map((point) => Math.min(point, text.length));
    const units = [];
    let unit = 0;
    for (const letter of text) {
      units.push(unit);
      unit += letter.length;
    }
    units.push(unit);
    return points.map((point) => units[Math.min(point, units.length - 1)]);
  }

  function said(name) {
    return String(name).replaceAll("_", " ");
  }

  function count(number) {
    return Number(number).toLocaleString("en");
  }

  function plural(number, one, many) {
    return `${count(number)} ${number === 1 ? one : many || one + "s"}`;
  }

  // A score as people read it: whole where it is whole, else two digits that say something.
  function figure(value) {
    if (Number.isInteger(value)) return count(value);
    return Math.abs(value) < 0.01 ? String(Number(value.toPrecision(2))) : value.toFixed(2);
  }

  function ago(at) {
    const seconds = Math.max(0, (Date.now() - new Date(at).getTime()) / 1000);
    if (seconds < 60) return "just now";
    if (seconds < 3600) return `${Math.round(seconds / 60)} min ago`;
    if (seconds < 86400) return `${Math.round(seconds / 3600)} h ago`;
    return new Date(at).toLocaleDateString("en", { day: "numeric", month: "short", year: "numeric" });
  }

  // What this browser remembers belongs to one workspace: another one may answer at the same address tomorrow.
  function space() {
    const named = document.querySelector('meta[name="kilopair-space"]') || document.querySelector('meta[name="csrf"]');
    return named ? named.content.slice(0, 16) : "none";
  }

  const memory = new Map(); // what the browser did not take: it allows no storage, as for some pages opened from a file, or it is full
  const kept = {
    get(key) {
      if (memory.has(key)) return memory.get(key);
      try {
        return localStorage.getItem(`kilopair/${space()}/${key}`);
      } catch {
        return null;
      }
    },
    set(key, value) {
      try {
        localStorage.setItem(`kilopair/${space()}/${key}`, value);
        memory.delete(key);
        return true;
      } catch {
        memory.set(key, value);
        return false;
      }
    },
    remove(key) {
      memory.delete(key);
      try {
        localStorage.removeItem(`kilopair/${space()}/${key}`);
      } catch {
        // it was in memory only
      }
    },
    keys(start) {
      const own = `kilopair/${space()}/`;
      const found = new Set([...memory.keys()].filter((key) => key.startsWith(start)));
      try {
        for (const key of Object.keys(localStorage)) if (key.startsWith(own + start)) found.add(key.slice(own.length));
      } catch {
        // there is none
      }
      return [...found];
    },
  };

  Object.assign(window.kilopair, { element, drawing, byId, unitsOf, said, count, plural, figure, ago, kept });
})();
