// Comforts of editors: order by dragging, a preview while typing, code with colours. Every form works without them.
"use strict";
(() => {
  // ---- Order: rows are dragged, or moved by their buttons, without loading the page. ----
  for (const list of document.querySelectorAll("[data-order]")) {
    const form = list.closest("form"), says = document.querySelector("[data-order-says]");
    const rows = () => [...list.querySelectorAll("li:not(.base)")];
    const nameOf = (row) => row.querySelector("input[type=hidden]").value;
    const settle = (row) => {
      const all = rows();
      all.forEach((r, i) => {
        r.querySelector("[name=up]").disabled = i === 0;
        r.querySelector("[name=down]").disabled = i === all.length - 1;
      });
      if (says && row) says.textContent = `${nameOf(row)} is number ${all.indexOf(row) + 1} of ${all.length}.`;
      form.dispatchEvent(new Event("input"));
    };
    list.addEventListener("click", (e) => {
      const button = e.target.closest("button[name=up], button[name=down]"), row = e.target.closest("li");
      if (!button || !row) return;
      e.preventDefault();
      const all = rows(), to = all.indexOf(row) + (button.name === "up" ? -1 : 1);
      if (!all[to]) return;
      button.name === "up" ? all[to].before(row) : all[to].after(row);
      settle(row);
      (button.disabled ? row.querySelector("button:not(:disabled)") : button).focus();
    });
    // Pointer events, not the browser's drag and drop: that has none on touch screens.
    list.addEventListener("pointerdown", (e) => {
      const row = e.target.closest("li:not(.base)");
      if (!row || e.button !== 0 || !e.target.closest(".grip")) return;
      e.preventDefault();
      const grip = e.target.closest(".grip");
      grip.setPointerCapture(e.pointerId);
      row.classList.add("dragged");
      const move = (m) => {
        for (const other of rows()) {
          if (other === row) continue;
          const box = other.getBoundingClientRect(), middle = box.top + box.height / 2;
          const above = other.compareDocumentPosition(row) & Node.DOCUMENT_POSITION_FOLLOWING;
          if (above && m.clientY < middle) { other.before(row); break; }
          if (!above && m.clientY > middle) other.after(row);
        }
      };
      const end = () => {
        grip.removeEventListener("pointermove", move);
        row.classList.remove("dragged");
        settle(row);
      };
      grip.addEventListener("pointermove", move);
      grip.addEventListener("pointerup", end, { once: true });
      grip.addEventListener("pointercancel", end, { once: true });
    });
  }

  // ---- Preview: what a form would come to, half a second after the last key. ----
  for (const form of document.querySelectorAll("form[data-preview]")) {
    let timer = 0, asked = 0;
    const load = async () => {
      const mine = ++asked, have = document.getElementById("preview");
      try {
        const answer = await fetch(form.dataset.preview, { method: "POST", body: new URLSearchParams(new FormData(form)), headers: { "Left4me-Live": "1" } });
        if (!answer.ok || mine !== asked) return;
        const next = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("preview");
        if (have && next) have.replaceChildren(...next.childNodes);
      } catch { /* the panel is away; the button says so */ }
    };
    form.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(load, 500); });
  }

  // ---- Code: colours below a text area whose own letters are clear, and numbers beside it. ----
  const words = new Set("if then else elif fi for while until do done case esac in function select time return exit local export readonly declare set shift trap source break continue".split(" "));
  const pattern = /(#.*)|("(?:\\.|[^"\\])*"?|'[^']*'?)|(\$\{[^}]*\}?|\$\(|\$[\w@*#?!-])|(\b\d+\b)|([A-Za-z_][\w-]*)|(&&|\|\||[|&;<>]+)|(\s+|.)/g;
  const kinds = [, "remark", "text", "var", "num", "word", "sign"];
  function paint(code) {
    const out = document.createDocumentFragment();
    let before = "\n";
    for (const m of code.matchAll(pattern)) {
      let kind = kinds.findIndex((k, i) => i && m[i] !== undefined);
      if (kind === 1 && !/\s/.test(before)) kind = 0; // $# and a#b are no remarks
      if (kind === 5 && !words.has(m[0])) kind = 0;
      if (kind > 0) {
        const span = document.createElement("span");
        span.className = "c-" + kinds[kind];
        span.textContent = m[0];
        out.append(span);
      } else out.append(m[0]);
      before = m[0].at(-1);
    }
    return out;
  }

  for (const area of document.querySelectorAll("textarea[data-lines]")) {
    const box = document.createElement("div"), numbers = document.createElement("pre"), colours = document.createElement("pre");
    box.className = "editor";
    numbers.className = "numbers";
    colours.className = "paint";
    numbers.setAttribute("aria-hidden", "true");
    colours.setAttribute("aria-hidden", "true");
    area.before(box);
    box.append(numbers, colours, area);
    const shell = "shell" in area.dataset;
    let count = 0;
    const draw = () => {
      const text = area.value, lines = text.split("\n").length;
      if (lines !== count) numbers.textContent = Array.from({ length: count = lines }, (_, i) => i + 1).join("\n");
      colours.replaceChildren(shell && text.length < 100000 ? paint(text) : text, "\n");
      scroll();
    };
    const scroll = () => {
      numbers.scrollTop = colours.scrollTop = area.scrollTop;
      colours.scrollLeft = area.scrollLeft;
    };
    area.addEventListener("input", draw);
    area.addEventListener("scroll", scroll, { passive: true });
    if (shell) tabs(area);
    draw();
  }

  // tabs makes the tab key write one. Escape gives the key back to the browser once, so that nobody is trapped.
  function tabs(area) {
    let free = false;
    area.addEventListener("keydown", (e) => {
      if (e.key === "Escape") { free = true; return; }
      if (e.key === "Enter" && !e.ctrlKey && !e.metaKey && !e.isComposing) {
        const line = area.value.slice(0, area.selectionStart).split("\n").at(-1), indent = line.match(/^[ \t]*/)[0];
        if (indent) { e.preventDefault(); put(area, "\n" + indent); }
        return;
      }
      if (e.key !== "Tab" || e.ctrlKey || e.altKey || e.metaKey) return;
      if (free) { free = false; return; }
      e.preventDefault();
      const from = area.value.lastIndexOf("\n", area.selectionStart - 1) + 1, to = area.selectionEnd;
      const block = area.value.slice(from, to);
      if (!e.shiftKey && !block.slice(area.selectionStart - from).includes("\n")) { put(area, "\t"); return; }
      const next = block.split("\n").map((l) => e.shiftKey ? l.replace(/^(\t| {1,4})/, "") : "\t" + l).join("\n");
      area.setSelectionRange(from, to);
      put(area, next);
      area.setSelectionRange(from, from + next.length);
    });
  }

  // put writes like a person, so that undo works.
  function put(area, text) {
    if (!document.execCommand("insertText", false, text)) {
      area.setRangeText(text, area.selectionStart, area.selectionEnd, "end");
      area.dispatchEvent(new Event("input", { bubbles: true }));
    }
  }
})();
