// The networks of a page's explorers come after its text, each as a script of its own (light.py):
// those near what is read first. An explorer moves when all of its networks are there.
"use strict";

(() => {
  const here = document.currentScript.src.replace(/[^/]*$/, "");
  const asked = new Set();
  const arrived = new Set();

  // What a network's script calls: it becomes what it would be if the page carried it.
  globalThis.vaecourseNetwork = (key, network) => {
    const script = document.createElement("script");
    script.type = "application/json";
    script.dataset.vaecourseNetwork = key;
    script.textContent = JSON.stringify(network);
    document.head.append(script);
    arrived.add(key);
    for (const one of document.querySelectorAll(".vaecourse-explorer[data-later]")) {
      if (!keysOf(one).every((name) => arrived.has(name))) continue;
      delete one.dataset.later;
      one.dataset.waiting = "";
    }
    globalThis.vaecourseMount?.();
  };

  // Its own networks; those of the whole page where it does not say.
  function keysOf(explorer) {
    const data = JSON.parse(explorer.querySelector(":scope > script").textContent);
    return data.networks.flatMap((network) => Object.values(network));
  }

  function ask(explorer) {
    const keys = keysOf(explorer);
    if (!keys.length) {
      delete explorer.dataset.later;
      explorer.dataset.waiting = "";
      globalThis.vaecourseMount?.();
    }
    for (const key of keys.filter((name) => !asked.has(name))) {
      asked.add(key);
      const script = document.createElement("script");
      script.src = `${here}networks/${key}.js`;
      document.head.append(script);
    }
  }

  document.addEventListener("DOMContentLoaded", () => {
    const waiting = [...document.querySelectorAll(".vaecourse-explorer[data-later]")];
    const distance = (one) => Math.abs(one.getBoundingClientRect().top);
    waiting.sort((one, other) => distance(one) - distance(other)).forEach(ask);
  });
})();
