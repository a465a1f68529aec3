// Before a page is printed: day, everything open, every picture there, equations that fit; after
// it, all as it was. print.css does the rest.
"use strict";

(() => {
  const root = document.documentElement;
  let undo = [];

  function set(element, name, value) {
    const before = element.getAttribute(name);
    if (before === value) return;
    undo.push(() => (before === null ? element.removeAttribute(name) : element.setAttribute(name, before)));
    element.setAttribute(name, value);
  }

  // An equation wider than the paper becomes smaller; on a screen another width was right.
  function fit(equation) {
    const before = equation.style.fontSize;
    undo.push(() => (equation.style.fontSize = before));
    equation.style.fontSize = "";
    const share = equation.clientWidth / equation.scrollWidth;
    const usual = parseFloat(getComputedStyle(equation).fontSize);
    if (share < 1) equation.style.fontSize = `${0.99 * share * usual}px`;
  }

  function prepare() {
    if (undo.length) return; // twice in a row: it is done
    undo.push(() => {});
    set(root, "data-theme", "light");
    for (const one of document.querySelectorAll("details:not([open])")) set(one, "open", "");
    for (const image of document.images) image.loading = "eager";
    root.classList.add("vc-on-paper");
    for (const one of document.querySelectorAll(".bd-article mjx-container[display='true']")) fit(one);
    root.classList.remove("vc-on-paper");
  }

  function restore() {
    for (const step of undo.reverse()) step();
    undo = [];
  }

  addEventListener("beforeprint", prepare);
  addEventListener("afterprint", restore);
})();
