// What a reader has done of a chapter: which questions of the quiz, which cells of their own. It is
// kept in this browser only, and never sent.
"use strict";

(() => {
  const KEY = "vaecourse-progress";
  const PAGE = location.pathname.split("/").pop().replace(/\.html$/, "");

  // Everything that is kept, by page: { done: [names], total: how many there are }.
  function kept() {
    try {
      const found = JSON.parse(localStorage.getItem(KEY));
      return found && typeof found === "object" && !Array.isArray(found) ? found : {};
    } catch {
      return {}; // refused, or not ours
    }
  }

  // Whether the browser has kept it: it may refuse, or be full.
  function keep(all) {
    try {
      localStorage.setItem(KEY, JSON.stringify(all));
      return true;
    } catch {
      return false;
    }
  }

  const doneOn = (page) => {
    const names = kept()[page]?.done;
    return new Set(Array.isArray(names) ? names.filter((name) => typeof name === "string") : []);
  };

  function make(tag, properties, ...children) {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...children);
    return element;
  }

  // -- what there is to do -----------------------------------------------------------------------

  // A question is a paragraph in bold, "1. Why …?", with its choices below, of which one is right.
  function questions(article) {
    const found = [];
    for (const paragraph of article.querySelectorAll("p")) {
      if (!/^\d+\. /.test(paragraph.querySelector(":scope > strong")?.textContent ?? "")) continue;
      let next = paragraph.nextElementSibling;
      let right = null;
      for (; next?.tagName === "DETAILS"; next = next.nextElementSibling)
        if (/^Right\b/.test(next.querySelector("p")?.textContent ?? "")) right = next;
      if (right) found.push({ name: `question ${found.length + 1}`, at: paragraph, right });
    }
    return found;
  }

  function turns(article) {
    const cells = [...article.querySelectorAll(".cell.tag_your-turn")];
    return cells.map((at, i) => ({ name: `your turn ${i + 1}`, at }));
  }

  // -- a chapter's page --------------------------------------------------------------------------

  function chapter(article, heading) {
    const asked = questions(article);
    const own = turns(article);
    const total = asked.length + own.length;
    const minutes = document.querySelector('meta[name="vaecourse-reading-minutes"]')?.content;
    if (!total || !minutes) return;
    const done = doneOn(PAGE);
    const line = make("p", { className: "vc-progress" });
    const time = [...article.querySelectorAll("p")].find((p) => /\bTime: /.test(p.textContent));
    (time ?? heading).after(line);
    const boxes = new Map();

    function show() {
      const count = (items) => items.filter((item) => done.has(item.name)).length;
      for (const { name, at } of asked) at.classList.toggle("vc-answered", done.has(name));
      for (const [name, box] of boxes) box.checked = done.has(name);
      const is_kept = keep({ ...kept(), [PAGE]: { done: [...done], total } });
      line.textContent =
        `Reading: about ${minutes} minutes. Quiz: ${count(asked)} of ${asked.length} answered. ` +
        `Your turn: ${count(own)} of ${own.length} done. ` +
        (is_kept ? "(Kept in this browser only.) " : "(This browser does not keep it.) ");
      if (done.size) line.append(forget);
    }

    const forget = make("button", { type: "button", className: "vc-forget" }, "Forget this");
    forget.addEventListener("click", () => {
      done.clear();
      show();
    });
    const mark = (name, is_done) => {
      if (is_done === done.has(name)) return;
      if (is_done) done.add(name);
      else done.delete(name);
      show();
    };
    for (const { name, right } of asked) // a click, by mouse or key: printing opens answers too
      right.querySelector("summary").addEventListener("click", () => mark(name, true));
    for (const { name, at } of own) {
      const box = make("input", { type: "checkbox" });
      box.addEventListener("change", () => mark(name, box.checked));
      boxes.set(name, box);
      at.after(make("label", { className: "vc-done" }, box, " I have done this one."));
    }
    show();
  }

  // -- the first page: how far each chapter is -----------------------------------------------------

  function contents(article) {
    const all = kept();
    for (const link of article.querySelectorAll("td a[href$='.html']")) {
      const { done, total } = all[link.getAttribute("href").replace(/\.html$/, "")] ?? {};
      if (Array.isArray(done) && done.length && Number.isInteger(total))
        link.after(make("span", { className: "vc-far" }, ` ${done.length} of ${total} done`));
    }
  }

  addEventListener("DOMContentLoaded", () => {
    const article = document.querySelector("article.bd-article");
    const heading = article?.querySelector("h1");
    if (!heading) return;
    if (PAGE === "intro") contents(article);
    else chapter(article, heading);
  });
})();
