// Formulas: every <span class="tex"> holds the source of one, with the lengths of its delimiters. KaTeX builds nodes
// from it (never markup), with no trusted command, bounded macros and sizes; where it refuses, the source stays.
// Formulas are drawn as they come into view, a few at a time, so that ten thousand of them do not stop the page.
"use strict";
(() => {
  const BUDGET_MS = 8;
  const waiting = [];
  let planned = false;
  function draw(span) {
    if (span.dataset.drawn) return;
    span.dataset.drawn = "1";
    const source = span.textContent;
    const formula = source.slice(Number(span.dataset.open), source.length - Number(span.dataset.close));
    const place = document.createElement("span");
    try {
      katex.render(formula, place, {
        displayMode: span.classList.contains("display"), output: "html", throwOnError: true, trust: false,
        strict: false, maxExpand: 200, maxSize: 10, macros: {},
      });
    } catch {
      span.classList.add("undrawn");
      return;
    }
    span.setAttribute("role", "math");
    span.setAttribute("aria-label", formula);
    span.setAttribute("title", source.length > 300 ? source.slice(0, 300) + "…" : source);
    span.replaceChildren(...place.childNodes);
  }
  function work(deadline) {
    const started = performance.now();
    while (waiting.length && performance.now() - started < BUDGET_MS) draw(waiting.shift());
    planned = false;
    plan();
  }
  function plan() {
    if (planned || !waiting.length) return;
    planned = true;
    setTimeout(work);
  }
  const seen = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (!entry.isIntersecting) continue;
      seen.unobserve(entry.target);
      waiting.push(entry.target);
    }
    plan();
  }, { rootMargin: "600px" });
  function watch(root) {
    for (const span of root.querySelectorAll("span.tex:not([data-drawn])")) seen.observe(span);
  }
  document.addEventListener("assay:fresh", (event) => watch(event.target));
  window.addEventListener("beforeprint", () => { for (const span of document.querySelectorAll("span.tex")) draw(span); });
  watch(document);
})();
