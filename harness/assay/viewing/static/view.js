// Keys, marks, live updates. Everything works without this file, except that pages do not update by themselves.
"use strict";
(() => {
  const POLL_MS = 2000;
  const all = (selector, root = document) => Array.from(root.querySelectorAll(selector));
  const rows = () => all("[data-row]");
  document.documentElement.classList.add("script");

  // The selected row: kept in the address, so that it survives a reload and a live update.
  const selected = () => rows().find((row) => row.classList.contains("selected"));
  function select(row, scroll = true) {
    for (const each of rows()) each.classList.toggle("selected", each === row);
    if (!row) return;
    history.replaceState(history.state, "", "#" + row.id);
    const link = row.querySelector("[data-open]");
    if (link) link.focus({ preventScroll: true });
    if (scroll) row.scrollIntoView({ block: "nearest" });
  }
  function move(step) {
    const list = rows();
    if (!list.length) return;
    const now = list.indexOf(selected());
    select(list[Math.max(0, Math.min(list.length - 1, now < 0 ? (step > 0 ? 0 : list.length - 1) : now + step))]);
  }
  function restore() {
    const row = location.hash.length > 1 && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (row && row.matches("[data-row]")) {
      for (const each of rows()) each.classList.toggle("selected", each === row);
      row.scrollIntoView({ block: "nearest" });
    }
  }

  // Two marked runs are compared; the boxes are named a and b in the order of the table.
  function mark() {
    const boxes = all("[data-mark]");
    const marked = boxes.filter((box) => box.checked);
    for (const box of boxes) box.disabled = box.dataset.broken === "1" || (marked.length >= 2 && !box.checked);
    marked.forEach((box, index) => { box.name = index ? "b" : "a"; });
    const button = document.getElementById("compare-button");
    if (button) button.disabled = marked.length !== 2;
  }

  function help(open) {
    const dialog = document.getElementById("help");
    if (open === dialog.open) return;
    if (open) dialog.showModal(); else dialog.close();
  }

  function press(key) {
    const target = all("[data-key]").find((each) => each.dataset.key === key);
    if (!target) return false;
    if (target.tagName === "SUMMARY") {
      const details = target.parentElement;
      details.open = !details.open;
    } else if (key === "Escape" && target.hasAttribute("data-up") && document.referrer.startsWith(location.origin + "/samples")) {
      history.back();
    } else {
      location.assign(target.href);
    }
    return true;
  }

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    const key = event.key;
    const field = event.target.closest("input:not([type=checkbox]), select, textarea");
    if (field) {
      if (key === "Escape") { field.blur(); event.preventDefault(); }
      return;
    }
    if (document.getElementById("help").open) {
      if (key === "?") { help(false); event.preventDefault(); }
      return;
    }
    let done = true;
    if (key === "?") help(true);
    else if (key === "/") { const search = document.querySelector("[data-search]"); if (search) { search.focus(); search.select(); } else done = false; }
    else if ((key === "j" || key === "k") && rows().length) move(key === "j" ? 1 : -1);
    else if ((key === "Enter" || key === "o") && selected() && !event.target.closest("a, button, summary, input")) selected().querySelector("[data-open]").click();
    else if (key === "x" && selected() && selected().querySelector("[data-mark]")) { selected().querySelector("[data-mark]").click(); }
    else if (key === "c" && document.getElementById("compare-button")) document.getElementById("compare-button").click();
    else done = ["n", "p", "j", "k", "r", "t", "g", "s", "Escape"].includes(key) && press(key);
    if (done) event.preventDefault();
  });
  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-mark]")) mark();
    if (event.target.matches("[data-submit]")) event.target.form.requestSubmit();
  });
  document.addEventListener("submit", (event) => {
    // Empty fields do not belong into a permanent link.
    for (const field of all("input, select", event.target)) if (field.name && !field.value) field.disabled = true;
    setTimeout(() => { for (const field of all("input, select", event.target)) if (!field.value) field.disabled = false; });
  });
  document.addEventListener("toggle", (event) => {
    if (event.target.id !== "reasoning") return;
    const address = new URL(location.href);
    if (event.target.open) address.searchParams.set("open", "reasoning"); else address.searchParams.delete("open");
    history.replaceState(history.state, "", address);
  }, true);
  document.getElementById("help-button").addEventListener("click", () => help(true));

  // Live: when something changed, the page is fetched again and its changing parts are put in place.
  let version = document.body.dataset.version;
  let busy = false;
  async function refresh() {
    if (busy) return;
    busy = true;
    try {
      const answer = await fetch(location.pathname + location.search, { headers: { accept: "text/html" } });
      if (!answer.ok) return;
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      const row = selected();
      const focus = document.activeElement && document.activeElement.closest("[data-row]");
      const marked = new Set(all("[data-mark]:checked").map((box) => box.value));
      for (const part of all("[data-live][id]")) {
        const now = fresh.getElementById(part.id);
        if (now && now.innerHTML !== part.innerHTML) {
          part.replaceChildren(...now.childNodes);
          part.dispatchEvent(new CustomEvent("assay:fresh", { bubbles: true }));
        }
      }
      for (const box of all("[data-mark]")) box.checked = marked.has(box.value);
      mark();
      if (row) {
        const again = document.getElementById(row.id);
        if (again) {
          again.classList.add("selected");
          const link = focus && again.querySelector("[data-open]");
          if (link) link.focus({ preventScroll: true });
        }
      }
      version = fresh.body.dataset.version;
      if (fresh.body.dataset.again) document.body.dataset.again = fresh.body.dataset.again;
      else delete document.body.dataset.again;
    } finally {
      busy = false;
    }
  }
  function say(text) {
    const place = document.getElementById("live");
    place.hidden = !text;
    place.textContent = text;
  }
  async function poll() {
    let wait = POLL_MS;
    if (!document.hidden) {
      try {
        if (document.body.dataset.again) {
          wait = Number(document.body.dataset.again);
          await refresh();
        } else {
          const answer = await (await fetch("/pulse")).json();
          if (answer.version !== version) await refresh();
        }
        say("");
      } catch {
        say("the viewer does not answer");
        wait = 5 * POLL_MS;
      }
    }
    setTimeout(poll, wait);
  }
  restore();
  for (const box of all("[data-mark]")) if (box.disabled) box.dataset.broken = "1";
  mark();
  setTimeout(poll, document.body.dataset.again ? 400 : POLL_MS);
})();
