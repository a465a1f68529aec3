// The search finds sections, not pages, whichever way a word is spelt; it needs no request, so it
// works on file:// too. Sphinx's own (searchtools.js) gives the page and the words' stems.
"use strict";

(() => {
  const MOST = 50; // sections that are shown
  const AROUND = 90; // letters of an excerpt to each side of what was found

  // British and American spellings become one; they need not be right, only the same.
  const SPELLINGS = [
    [/parametri/g, "parameteri"],
    [/is(ations?|e[drs]?|ing)$/, "iz$1"],
    [/(col|behavi|fav|neighb|lab|hon|flav)our/g, "$1or"],
    [/(cent|met|lit|fib)re/g, "$1er"],
    [/ll(ed|ing|ers?)$/, "l$1"],
    [/grey/g, "gray"],
    [/(l|t)ogue/g, "$1og"],
    [/(l|n)yse/g, "$1yze"],
    [/fence/g, "fense"],
    [/gramme/g, "gram"],
  ];
  const forms = new Map();
  let stemmer;

  function formOf(word) {
    if (!forms.has(word)) {
      let form = word.toLowerCase();
      for (const [one, other] of SPELLINGS) form = form.replace(one, other);
      forms.set(word, stemmer.stemWord(form));
    }
    return forms.get(word);
  }

  const wordsOf = (text) => text.match(/[\p{L}\p{N}_]+/gu) ?? [];

  // -- finding -------------------------------------------------------------------------------------

  // How well a word is one that is looked for: whole, or as its beginning.
  const fits = (word, form) => {
    const found = formOf(word);
    if (found === form) return 3;
    return form.length > 2 && found.startsWith(form) ? 1 : 0;
  };

  // The section with its score and its words that were looked for; null where one is missing.
  function scored(section, asked) {
    const [title, text] = [wordsOf(section.title), wordsOf(section.text)];
    const matched = new Set();
    let score = 0;
    for (const form of asked) {
      let best = 0;
      for (const [words, worth] of [[title, 10], [text, 1]]) {
        let sum = 0;
        for (const word of words) {
          const fit = fits(word, form);
          if (fit) matched.add(word);
          sum += fit * worth;
        }
        best += Math.min(sum, 15 * worth);
      }
      if (!best) return null;
      score += best;
    }
    return { ...section, score, matched };
  }

  function find(query) {
    const asked = [...new Set(wordsOf(query.toLowerCase()).filter((w) => !stopwords.includes(w)).map(formOf))];
    if (!asked.length) return [];
    const found = (globalThis.vaecourseSections ?? []).map((section) => scored(section, asked)).filter(Boolean);
    return found.sort((a, b) => b.score - a.score).slice(0, MOST);
  }

  // -- showing -------------------------------------------------------------------------------------

  const make = (tag, properties, ...children) => {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...children);
    return element;
  };

  // A part of the text around the first word that was found, with all of them marked.
  function excerpt({ text, matched }) {
    const word = [...matched].map((one) => one.replace(/[^\p{L}\p{N}_]/gu, "")).join("|");
    const pattern = new RegExp(`(?<![\\p{L}\\p{N}_])(${word})(?![\\p{L}\\p{N}_])`, "gu");
    const first = text.search(pattern);
    const start = Math.max(0, first - AROUND);
    const part = text.slice(start, Math.max(first, 0) + AROUND);
    const pieces = part.split(pattern).map((piece, i) => (i % 2 ? make("mark", {}, piece) : piece));
    return make("p", { className: "context" }, start ? "…" : "", ...pieces, "…");
  }

  function show(query) {
    const found = find(query);
    Search.stopPulse();
    Search.title.innerText = "Search results";
    Search.status.innerText = found.length
      ? `${found.length === MOST ? "The best " : ""}${found.length} section${found.length > 1 ? "s" : ""} with ${query.trim()}`
      : `No section has all of: ${query.trim()}. Try fewer words, or the beginning of one.`;
    for (const section of found) {
      const { page, anchor, chapter, title, matched } = section;
      const link = make("a", { href: `${page}.html${anchor && `#${encodeURIComponent(anchor)}`}` });
      link.textContent = title === chapter ? title : `${chapter} › ${title}`;
      link.addEventListener("click", () => remember(matched));
      Search.output.append(make("li", {}, link, excerpt(section)));
    }
  }

  // What the page that is opened next highlights: Sphinx looks there, once.
  function remember(words) {
    try {
      localStorage.setItem("sphinx_highlight_terms", [...words].map((word) => word.toLowerCase()).join(" "));
    } catch {
      // a browser that keeps nothing highlights nothing
    }
  }

  document.addEventListener("DOMContentLoaded", () => {
    if (typeof Search === "undefined" || !document.getElementById("search-results")) return;
    stemmer = new Stemmer();
    Search.query = show; // before Sphinx begins: its own listener was added later
  });
})();
