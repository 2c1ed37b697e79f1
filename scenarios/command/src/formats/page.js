// Draws the run: a lane for each who took part, a row for each thing that happened, signals as arrows. Time runs downwards, and a stretch
// in which nothing happened is as high as one line. All text goes through textContent: what a program has printed stays text.
"use strict";
(() => {
  const run = JSON.parse(document.getElementById("run").textContent);
  const { lanes, events } = run.record;
  const by = (id) => document.getElementById(id);
  const [chart, heads, gutter, canvas, detail, filter] = ["chart", "heads", "gutter", "lanes", "detail", "filter"].map(by);
  const ROW = 24, GAP = 19, BAR = 15, CHAR = 7.3, LETTERS = 26;
  const hidden = new Set();
  const muted = new Set();
  let rows = [];
  let picked = events.length - 1;

  const time = (ns) => (ns / 1e9).toFixed(ns % 1e6 ? 6 : 3) + " s";
  const length = (ns) => ns >= 1e9 ? (ns / 1e9).toFixed(1) + " s" : ns >= 1e6 ? Math.round(ns / 1e6) + " ms" : Math.max(1, Math.round(ns / 1e3)) + " µs";
  const stateClass = (state) => state.split(/[,: ]/)[0];
  const isOver = (state) => /^(ended|finished|stopped|killed|failed)/.test(state);

  const svg = (name, attributes, ...children) => {
    const element = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    for (const child of children) element.append(child);
    return element;
  };
  const words = (text, attributes, max) => {
    const cut = text.length > max ? text.slice(0, Math.max(1, max - 1)) + "…" : text;
    const element = svg("text", attributes);
    element.textContent = cut;
    return element;
  };

  const isShown = (event) => {
    if (event.kind === "failure" || event.surprises.length) return !hidden.has(event.lane);
    const wanted = filter.value.trim().toLowerCase();
    return !hidden.has(event.lane) && !muted.has(event.kind)
      && (!wanted || (lanes[event.lane].name + " " + event.text + " " + event.after).toLowerCase().includes(wanted));
  };

  // Which rows there are, and how high each stands. What is not shown stands where the row before it does.
  const layOut = () => {
    const height = [];
    rows = [];
    let y = 6, before = null;
    events.forEach((event, n) => {
      if (!isShown(event)) { height.push(y); return; }
      const idle = before === null ? 0 : event.at_ns - before;
      const gap = idle >= 1e5 ? { y, idle } : null;
      if (gap) y += GAP;
      rows.push({ n, y, gap, at: before === null || idle > 0 });
      height.push(y + ROW / 2);
      before = event.at_ns;
      y += ROW;
    });
    return { height, bottom: y + 6 };
  };

  const draw = () => {
    // The family of whoever the failure is about stands beside the session.
    const family = (lane) => lanes[lane].name.split("/")[0];
    const place = (lane) => lane === 0 ? 0 : family(lane) === run.subject.split("/")[0] ? 1 : 2;
    const shown = lanes.map((_, n) => n).filter((n) => !hidden.has(n)).sort((a, b) => place(a) - place(b) || a - b);
    const narrow = chart.clientWidth < 520;
    const left = narrow ? 86 : 106;
    const needed = (lane) => LETTERS + 12 + CHAR * Math.max(lanes[lane].name.length, ...rows.filter((r) => events[r.n].lane === lane).map((r) => Math.min(18, events[r.n].text.length)), 9);
    const { height, bottom } = layOut();
    const room = chart.clientWidth - left - 4;
    const most = narrow ? 170 : 230;
    let widths = shown.map((lane) => Math.min(most, Math.max(112, needed(lane))));
    const sum = () => widths.reduce((a, b) => a + b, 0);
    if (sum() > room) { const scale = room / sum(); widths = widths.map((w) => Math.max(narrow ? 104 : 116, w * scale)); }
    else if (shown.length) { const more = (room - sum()) / shown.length; widths = widths.map((w) => w + Math.min(more, 160)); }
    const x = [];
    widths.reduce((at, width, n) => { x[shown[n]] = at; return at + width; }, 0);
    const total = Math.max(sum(), room);
    const width = (lane) => widths[shown.indexOf(lane)];

    heads.replaceChildren(cell("virtual time", left), ...shown.map((lane) => cell(lanes[lane].name, width(lane), lanes[lane].name === run.subject ? "subject" : "")));
    canvas.replaceChildren();
    gutter.replaceChildren();
    for (const [element, w] of [[canvas, total], [gutter, left]]) { element.setAttribute("width", w); element.setAttribute("height", bottom); }

    const [back, arrows, front] = [svg("g", {}), svg("g", {}), svg("g", {})];
    shown.forEach((lane) => bars(lane, x[lane], height, bottom, back));
    rows.forEach((row) => {
      const event = events[row.n];
      if (row.gap) {
        const y = row.gap.y + GAP / 2;
        back.append(svg("line", { class: "gapline", x1: 0, x2: total, y1: y, y2: y }));
        gutter.append(words("⋮ " + length(row.gap.idle), { class: "gap", x: left - 8, y: y + 4, "text-anchor": "end" }, 14));
      }
      const mark = event.kind === "failure" ? "failure" : event.surprises.length ? "surprise" : "";
      const classes = `row k-${event.kind} ${mark}`;
      const group = svg("g", { class: classes, "data-n": row.n }, svg("rect", { class: "band", x: 0, y: row.y, width: total, height: ROW }));
      const middle = row.y + ROW / 2;
      group.append(svg("circle", { class: "dot", cx: x[event.lane] + BAR, cy: middle, r: 4 }));
      // Nothing else stands in this row, so words may go on over the lanes to the right.
      const free = Math.floor((total - x[event.lane] - LETTERS - 4) / CHAR);
      group.append(words(event.text, { class: "label", x: x[event.lane] + LETTERS, y: middle + 4 }, free));
      front.append(group);
      const side = svg("g", { class: classes, "data-n": row.n }, svg("rect", { class: "band", x: 0, y: row.y, width: left, height: ROW }));
      const badge = event.kind === "failure" ? "✗" : event.surprises.length ? "▶" + event.surprises.join(",") : "";
      if (badge) side.append(words(badge, { class: "badge", x: 6, y: middle + 4 }, 6));
      if (row.at || badge) side.append(words(time(event.at_ns), { class: "time", x: left - 8, y: middle + 4 }, 14));
      gutter.append(side);
      arrow(event, row.n, x, height, arrows);
    });
    // Bands lie behind bars, and dots and words before arrows.
    for (const band of front.querySelectorAll(".row")) back.prepend(bandOf(band));
    canvas.append(back, arrows, front);
    pick(picked, false);
  };

  const cell = (text, width, name = "") => {
    const element = document.createElement("div");
    element.textContent = text;
    element.title = text;
    element.className = name;
    element.style.width = width + "px";
    return element;
  };

  const bandOf = (row) => {
    const group = svg("g", { class: row.getAttribute("class"), "data-n": row.dataset.n });
    group.append(row.querySelector(".band").cloneNode());
    row.querySelector(".band").style.fill = "transparent";
    return group;
  };

  // The life of a lane: a bar whose colour is its state; a thin line before and after.
  const bars = (lane, x, height, bottom, into) => {
    into.append(svg("line", { class: "col", x1: x + BAR, x2: x + BAR, y1: 0, y2: bottom }));
    const changes = events.map((event, n) => [event, n]).filter(([event]) => event.lane === lane && event.after !== event.before);
    changes.forEach(([event, n], at) => {
      if (isOver(event.after) || !event.after) return;
      const end = changes[at + 1] ? height[changes[at + 1][1]] : bottom;
      const bar = svg("rect", { class: "bar " + stateClass(event.after), x: x + BAR - 4, y: height[n], width: 8, height: Math.max(1, end - height[n]), rx: 2 });
      const title = svg("title", {});
      title.textContent = lanes[lane].name + ": " + event.after;
      bar.append(title);
      into.append(bar);
    });
  };

  // From who sent a signal to whom it was sent, and from there to who acted on it.
  const arrow = (event, n, x, height, into) => {
    if (event.from === null || x[event.from] === undefined || event.from === event.lane) return;
    const acted = event.kind === "delivered";
    let start = height[n];
    if (acted) {
      const signal = event.text.replace("got ", "");
      for (let m = n - 1; m >= 0; m--) if (events[m].lane === event.from && events[m].kind === "signal" && events[m].text.startsWith(signal)) { start = height[m]; break; }
    }
    const ahead = x[event.lane] > x[event.from] ? 1 : -1;
    const [x1, x2, y2] = [x[event.from] + BAR + 5 * ahead, x[event.lane] + BAR - 7 * ahead, height[n]];
    into.append(svg("path", { class: "arrow" + (acted ? " acted" : ""), d: `M${x1} ${start} C${x1 + 24 * ahead} ${start} ${x2 - 24 * ahead} ${y2} ${x2} ${y2}` }));
    into.append(svg("path", { class: "tip", d: `M${x2 + 3 * ahead} ${y2} l${-8 * ahead} -4 v8 z` }));
  };

  const span = (name, ...children) => {
    const element = document.createElement("span");
    element.className = name;
    element.append(...children);
    return element;
  };
  const bold = (text) => { const b = document.createElement("b"); b.textContent = text || "–"; return b; };

  const tell = (n) => {
    const event = events[n];
    if (!event) { detail.replaceChildren("Nothing is shown."); return; }
    const states = event.before === event.after ? ["state ", bold(event.after)] : ["state ", bold(event.before), " → ", bold(event.after)];
    detail.replaceChildren(span("mono", time(event.at_ns)), span("lane", lanes[event.lane].name), span("text", event.text), span("states", ...states),
      ...event.surprises.map((s) => span("surprise", `▶ surprise ${s}: ${run.told_surprises[s - 1] || ""}`)));
    const state = lanes.map(() => "");
    events.slice(0, n + 1).forEach((event) => { state[event.lane] = event.after; });
    document.querySelectorAll(".tree [data-lane]").forEach((item) => {
      const lane = Number(item.dataset.lane);
      item.querySelector(".state").textContent = state[lane] || "not yet";
      item.classList.toggle("changed", lane === event.lane && event.before !== event.after);
    });
  };

  const pick = (n, scroll = true) => {
    picked = n;
    document.querySelectorAll(".row.picked").forEach((row) => row.classList.remove("picked"));
    const marks = document.querySelectorAll(`.row[data-n="${n}"]`);
    marks.forEach((row) => row.classList.add("picked"));
    const row = rows.find((row) => row.n === n);
    if (scroll && row) {
      const [top, view] = [chart.scrollTop, chart.clientHeight - 40];
      if (row.y < top + 30) chart.scrollTop = row.y - 40;
      else if (row.y + ROW > top + view) chart.scrollTop = row.y + ROW - view + 30;
    }
    tell(n);
  };

  const step = (by) => {
    const at = rows.findIndex((row) => row.n === picked);
    const next = at < 0 ? (by > 0 ? 0 : rows.length - 1) : Math.min(rows.length - 1, Math.max(0, at + by));
    if (rows[next]) pick(rows[next].n);
  };
  const marked = (ahead) => {
    const all = rows.filter((row) => events[row.n].surprises.length || events[row.n].kind === "failure").map((row) => row.n);
    const next = ahead ? all.find((n) => n > picked) ?? all[0] : all.findLast((n) => n < picked) ?? all.at(-1);
    if (next !== undefined) pick(next);
  };
  const turn = () => {
    const dark = document.documentElement.dataset.theme ? document.documentElement.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    document.documentElement.dataset.theme = dark ? "light" : "dark";
  };
  const keys = by("keys");
  const help = () => keys.open ? keys.close() : keys.showModal();

  const actions = {
    ArrowDown: () => step(1), j: () => step(1), ArrowUp: () => step(-1), k: () => step(-1), PageDown: () => step(15), PageUp: () => step(-15),
    Home: () => rows[0] && pick(rows[0].n), End: () => rows.length && pick(rows.at(-1).n),
    n: () => marked(true), p: () => marked(false), t: turn, "?": help, "/": () => filter.focus(),
  };
  document.addEventListener("keydown", (press) => {
    if (press.ctrlKey || press.metaKey || press.altKey) return;
    if (press.target.matches("input[type=search]")) { if (press.key === "Escape") { filter.value = ""; draw(); filter.blur(); } return; }
    if (keys.open) return;
    const action = actions[press.key];
    if (action) { press.preventDefault(); action(); }
  });
  for (const part of [canvas, gutter]) {
    part.addEventListener("mousemove", (move) => { const row = move.target.closest(".row"); if (row) tell(Number(row.dataset.n)); });
    part.addEventListener("mouseleave", () => tell(picked));
    part.addEventListener("click", (click) => { const row = click.target.closest(".row"); if (row) pick(Number(row.dataset.n)); });
  }
  filter.addEventListener("input", draw);
  document.querySelectorAll("[data-kind]").forEach((box) => box.addEventListener("change", () => {
    box.dataset.kind.split(" ").forEach((kind) => box.checked ? muted.delete(kind) : muted.add(kind));
    draw();
  }));
  document.querySelectorAll(".tree input").forEach((box) => box.addEventListener("change", () => {
    const lane = Number(box.closest("[data-lane]").dataset.lane);
    box.checked ? hidden.delete(lane) : hidden.add(lane);
    draw();
  }));
  document.querySelectorAll("[data-surprise]").forEach((button) => button.addEventListener("click", () => {
    const n = events.findIndex((event) => event.surprises.includes(Number(button.dataset.surprise)));
    if (n >= 0) { pick(n); chart.scrollIntoView({ block: "nearest" }); }
  }));
  by("theme").addEventListener("click", turn);
  by("help").addEventListener("click", help);
  by("copy").addEventListener("click", async () => {
    try { await navigator.clipboard.writeText(by("command").textContent); by("copy").textContent = "copied"; } catch { getSelection().selectAllChildren(by("command")); }
  });
  addEventListener("resize", draw);
  draw();
})();
