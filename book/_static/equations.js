// What is wider than the page: an equation becomes smaller, as far as it can still be read; what
// then still does not fit, an output or a table too, scrolls, and says so (phone.css).
"use strict";

(() => {
  const SMALLEST = 0.7; // of the usual size of an equation
  const SCROLL = ".bd-article mjx-container[display='true'], .bd-article .cell_output pre, .bd-article .pst-scrollable-table-container";

  function fit(equation) {
    equation.style.fontSize = "";
    const usual = parseFloat(getComputedStyle(equation).fontSize);
    const share = equation.clientWidth / equation.scrollWidth;
    if (share < 1) equation.style.fontSize = `${usual * Math.max(SMALLEST, 0.99 * share)}px`;
  }

  function look() {
    for (const equation of document.querySelectorAll(".bd-article mjx-container[display='true']"))
      fit(equation);
    for (const one of document.querySelectorAll(SCROLL)) {
      const scrolls = one.scrollWidth > one.clientWidth + 1;
      one.classList.toggle("vc-scrolls", scrolls);
      if (scrolls) one.tabIndex = 0; // for the arrow keys
    }
  }

  addEventListener("load", async () => {
    await window.MathJax?.startup?.promise;
    look();
    let width = innerWidth;
    addEventListener("resize", () => {
      if (innerWidth !== width) look();
      width = innerWidth;
    });
  });
  addEventListener("toggle", look, true); // what was folded had no width
})();
