// What should be live: logs, states, and small comforts. Every page works without it.
"use strict";
(() => {
  const maxLines = 5000;
  const root = document.documentElement;
  root.dataset.js = "";

  const visible = () => document.visibilityState === "visible";
  const parse = (text) => { try { return JSON.parse(text); } catch { return null; } };

  // A browser opens about six connections to a host, and a stream takes one: hidden tabs give theirs back.
  const streams = [];
  document.addEventListener("visibilitychange", () => {
    for (const s of streams) visible() ? s.open() : s.close();
  });

  // follow keeps an EventSource open while the page is visible. address() tells where to go on after a break.
  function follow(address, handlers) {
    let source = null, ended = false;
    const s = {
      open() {
        if (source || ended) return;
        source = new EventSource(address());
        for (const [name, handle] of Object.entries(handlers)) source.addEventListener(name, handle);
        source.addEventListener("error", () => {
          // The browser retries by itself unless the answer was an error; then we do, later.
          if (source && source.readyState === EventSource.CLOSED) { s.close(); setTimeout(() => visible() && s.open(), 5000); }
        });
      },
      close() { if (source) { source.close(); source = null; } },
      end() { ended = true; s.close(); },
    };
    streams.push(s);
    if (visible()) s.open();
    return s;
  }

  // ---- Logs ----
  class Log {
    constructor(box) {
      this.box = box;
      this.follows = true;
      this.search = "";
      this.pending = [];
      this.last = box.dataset.last || "";
      const bound = (kind) => document.querySelectorAll(`[data-${kind}="${box.id}"]`);
      for (const button of bound("follow")) {
        this.button = button;
        button.addEventListener("click", () => this.setFollow(!this.follows));
      }
      for (const input of bound("filter")) input.addEventListener("input", () => this.filter(input.value));
      for (const button of bound("copy")) button.addEventListener("click", () => this.copy(button));
      box.addEventListener("wheel", (e) => { if (e.deltaY < 0) this.setFollow(false); }, { passive: true });
      box.addEventListener("keydown", (e) => { if (["ArrowUp", "PageUp", "Home"].includes(e.key)) this.setFollow(false); });
      box.addEventListener("touchmove", () => this.setFollow(this.atEnd()), { passive: true });
      this.toEnd();
      if (box.dataset.stream) this.listen();
      else if (box.closest("[data-live]")) new MutationObserver(() => this.follows && this.toEnd()).observe(box, { childList: true, subtree: true, characterData: true });
    }
    listen() {
      const address = () => this.box.dataset.stream + (this.last ? "?after=" + encodeURIComponent(this.last) : "");
      const stream = follow(address, {
        line: (e) => {
          const line = parse(e.data);
          if (!line) return;
          if (e.lastEventId) this.last = e.lastEventId;
          this.add(line.text, line.level, "", line.spans, line.time);
        },
        dropped: (e) => this.add(`… ${parse(e.data)?.count ?? "some"} lines were left out: they came faster than this page reads.`, "", "mark"),
        job: (e) => {
          const job = parse(e.data);
          if (job && !["queued", "running"].includes(job.status)) stream.end();
          live.soon();
        },
        end: () => { stream.end(); live.soon(); },
      });
    }
    add(text, level, mark, spans, time) {
      const line = document.createElement("div");
      if (time) line.title = time;
      if (level) line.className = "l-" + String(level).replace(/[^a-z]/g, "");
      if (mark) line.className = mark;
      if (spans) line.append(...spans.map(coloured));
      else line.textContent = text;
      this.pending.push(line);
      if (this.pending.length === 1) setTimeout(() => this.flush(), 50);
    }
    // Lines are added a batch at a time: a flood must not make the page slow.
    flush() {
      const lines = this.pending.splice(0).slice(-maxLines);
      for (const line of lines) line.hidden = !this.fits(line); // the search may have changed while they waited
      this.box.querySelector("[data-placeholder]")?.remove();
      this.box.append(...lines);
      for (let over = this.box.childElementCount - maxLines; over > 0; over--) this.box.firstElementChild.remove();
      if (this.follows) this.toEnd();
    }
    fits(line) { return !this.search || line.textContent.toLowerCase().includes(this.search); }
    filter(text) {
      this.search = text.toLowerCase();
      for (const line of this.box.children) line.hidden = !this.fits(line);
      if (this.follows) this.toEnd();
    }
    atEnd() { return this.box.scrollHeight - this.box.scrollTop - this.box.clientHeight < 40; }
    toEnd() { this.box.scrollTop = this.box.scrollHeight; }
    setFollow(on) {
      this.follows = on;
      this.button?.setAttribute("aria-pressed", String(on));
      if (on) this.toEnd();
    }
    async copy(button) {
      const text = [...this.box.children].filter((l) => !l.hidden && !("placeholder" in l.dataset)).map((l) => l.textContent).join("\n");
      const label = button.dataset.label ||= button.textContent;
      button.textContent = (await put(text)) ? "Copied" : "Not allowed";
      setTimeout(() => { button.textContent = label; }, 1500);
    }
  }

  // coloured is a part of a line that the game printed in a colour of its own.
  function coloured(span) {
    const el = document.createElement("span");
    if (span.tone) el.className = "t-" + String(span.tone).replace(/[^a-z]/g, "");
    el.textContent = span.text;
    return el;
  }

  // put writes to the clipboard; plain HTTP pages lack the modern way.
  async function put(text) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      const area = document.createElement("textarea");
      area.value = text;
      area.className = "hidden";
      document.body.append(area);
      area.select();
      const done = document.execCommand("copy");
      area.remove();
      return done;
    }
  }

  // ---- Live parts ----
  const live = {
    parts: [...document.querySelectorAll("[data-live]")],
    timer: 0, busy: false, again: false, base: document.title,
    start() {
      if (!this.parts.length) return;
      this.title(this.parts);
      for (const part of this.parts) {
        if (part.dataset.events) follow(() => part.dataset.events, { event: () => this.soon() });
      }
      const seconds = Math.min(...this.parts.map((p) => Number(p.dataset.poll) || 10));
      let beats = 0;
      setInterval(() => { if (visible() || ++beats % 3 === 0) this.load(); }, seconds * 1000);
      document.addEventListener("visibilitychange", () => visible() && this.load());
    },
    // soon loads once for many events at a time.
    soon() { if (!this.timer) this.timer = setTimeout(() => { this.timer = 0; this.load(); }, 150); },
    async load() {
      if (this.busy) { this.again = true; return; }
      this.busy = true;
      try {
        const answer = await fetch(location.href, { headers: { "Left4me-Live": "1" }, credentials: "same-origin" });
        if (answer.redirected && new URL(answer.url).pathname !== location.pathname) { location.reload(); return; }
        if (answer.ok) this.apply(new DOMParser().parseFromString(await answer.text(), "text/html"));
        this.stale(answer.ok ? "" : "The host does not answer at the moment.");
      } catch { this.stale("The panel cannot be reached at the moment."); } finally {
        this.busy = false;
        if (this.again) { this.again = false; this.soon(); }
      }
    },
    apply(page) {
      const fresh = [];
      for (const part of this.parts) {
        const next = page.getElementById(part.id);
        if (next) { morph(part, next); fresh.push(next); }
      }
      for (const have of document.querySelectorAll("form[data-sync]")) {
        const next = page.getElementById(have.id);
        if (next) [...have.elements].forEach((el, i) => { if (next.elements[i]) el.disabled = next.elements[i].disabled; });
      }
      localTimes();
      this.title(fresh);
    },
    // stale says that what is shown is old, and since when.
    stale(why) {
      const box = document.getElementById("stale");
      if (!box || (box.hidden && !why)) return;
      if (why && box.hidden) box.textContent = `${why} What you see is from ${new Date().toLocaleTimeString()}; the page goes on by itself.`;
      box.hidden = !why;
    },
    title(parts) {
      const state = parts.map((p) => p.dataset.title).find(Boolean);
      document.title = state ? state + " · left4me" : this.base;
    },
  };

  const key = (n) => n.nodeType !== 1 ? n.nodeName : [n.nodeName, n.id, n.getAttribute("action"), n.getAttribute("name")].join(" ");

  // morph makes a look like b and touches only what differs: focus, selection and open <details> stay.
  function morph(a, b) {
    for (const { name } of [...a.attributes]) if (!b.hasAttribute(name) && !(a.localName === "details" && name === "open")) a.removeAttribute(name);
    for (const { name, value } of b.attributes) if (a.getAttribute(name) !== value) a.setAttribute(name, value);
    const have = [...a.childNodes], want = [...b.childNodes];
    want.forEach((next, i) => {
      const old = have[i];
      if (!old) a.append(document.adoptNode(next));
      else if (key(old) !== key(next)) old.replaceWith(document.adoptNode(next));
      else if (next.nodeType === 1) morph(old, next);
      else if (old.nodeValue !== next.nodeValue) old.nodeValue = next.nodeValue;
    });
    for (const extra of have.slice(want.length)) extra.remove();
  }

  // localTimes adds the exact time in the person's own time zone to what hovering shows.
  function localTimes() {
    for (const el of document.querySelectorAll("time[datetime]")) {
      const at = new Date(el.dateTime);
      if (!isNaN(at)) el.title = at.toLocaleString(undefined, { dateStyle: "full", timeStyle: "long" });
    }
  }

  // ---- Small comforts ----
  for (const select of document.querySelectorAll("[data-submit]")) select.addEventListener("change", () => select.form.requestSubmit());

  // send runs a command without leaving the page: only the reply is taken from the answer.
  async function send(input) {
    const reply = document.getElementById("reply"), body = new URLSearchParams(new FormData(input.form));
    input.value = "";
    try {
      const answer = await fetch(input.form.action, { method: "POST", body, headers: { "Left4me-Live": "1" } });
      const next = new DOMParser().parseFromString(await answer.text(), "text/html");
      reply.replaceChildren(...(next.getElementById("reply") ?? next.querySelector(".problem") ?? next.body).childNodes);
    } catch {
      reply.textContent = "The panel cannot be reached. Try again.";
      input.value = body.get(input.name);
    }
  }

  // Up and down walk through the commands that were sent before, as in a shell.
  for (const input of document.querySelectorAll("[data-history]")) {
    const name = "history" + new URL(input.form.action).pathname;
    let list = [];
    try { list = parse(sessionStorage.getItem(name)) || []; } catch { /* storage is switched off */ }
    let at = list.length, draft = "";
    input.addEventListener("keydown", (e) => {
      if (e.key !== "ArrowUp" && e.key !== "ArrowDown") return;
      const to = at + (e.key === "ArrowUp" ? -1 : 1);
      if (to < 0 || to > list.length) return;
      e.preventDefault();
      if (at === list.length) draft = input.value;
      at = to;
      input.value = at === list.length ? draft : list[at];
    });
    input.form.addEventListener("submit", (e) => {
      e.preventDefault();
      if (list.at(-1) !== input.value) list.push(input.value);
      at = list.length;
      try { sessionStorage.setItem(name, JSON.stringify(list.slice(-100))); } catch { /* then without history */ }
      send(input);
    });
  }

  // Tab completes the word before the caret from a list, as far as it is clear, and says what fits. Without a letter, or when
  // nothing fits, it goes on to the next element as everywhere.
  for (const input of document.querySelectorAll("[data-words]")) {
    const words = [...document.getElementById(input.dataset.words).options].map((o) => o.value);
    const found = document.getElementById(input.dataset.words + "-found");
    const fitting = () => {
      const start = input.value.slice(0, input.selectionStart), word = start.slice(start.lastIndexOf(" ") + 1).toLowerCase();
      return { start, word, list: word ? words.filter((w) => w.toLowerCase().startsWith(word)) : [] };
    };
    const tell = (list, word) => {
      found.textContent = !word ? "type a few letters" : list.length ? list.slice(0, 8).join(" ") + (list.length > 8 ? " …" : "") : "nothing fits";
    };
    input.addEventListener("input", () => { const { list, word } = fitting(); tell(list, word); });
    input.addEventListener("keydown", (e) => {
      if (e.key !== "Tab" || e.shiftKey || e.altKey || e.ctrlKey) return;
      const { start, word, list } = fitting();
      if (!list.length) return;
      let common = list[0];
      for (const w of list) while (!w.toLowerCase().startsWith(common.toLowerCase())) common = common.slice(0, -1);
      if (list.length === 1 ? input.value.endsWith(list[0] + " ") : common.length === word.length) { tell(list, word); return; }
      e.preventDefault();
      const next = start.slice(0, start.length - word.length) + common + (list.length === 1 ? " " : "");
      input.value = next + input.value.slice(start.length);
      input.setSelectionRange(next.length, next.length);
      tell(list, word);
    });
  }

  // The modes that can be chosen are those of the chosen map.
  const map = document.getElementById("map"), mode = document.getElementById("mode");
  if (map && mode) {
    const narrow = () => {
      const only = map.selectedOptions[0]?.dataset.modes?.split(" ");
      for (const o of mode.options) o.hidden = o.disabled = Boolean(only && o.value && !only.includes(o.value));
      if (mode.selectedOptions[0]?.disabled) mode.value = "";
    };
    map.addEventListener("change", narrow);
    narrow();
  }

  // A button that was pressed is not pressed twice.
  document.addEventListener("submit", (e) => {
    if (e.defaultPrevented) return;
    if (e.target.dataset.sent) { e.preventDefault(); return; }
    e.target.dataset.sent = "1";
    setTimeout(() => { delete e.target.dataset.sent; }, 3000);
  });
  addEventListener("pageshow", (e) => { if (e.persisted) live.load(); });

  document.querySelector(".side [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
  localTimes();
  for (const box of document.querySelectorAll(".log")) new Log(box);
  live.start();
})();
