"use strict";
// What a page does: colours, tables that sort, and the list of utterances. No text of a report is
// ever read as markup: all goes through textContent.

const PAGE_SIZE = 50;
const PREVIEW = 220; // characters; the whole text is in the row that opens
const WORDS = { S: "substitution", D: "deletion", I: "insertion" };
const collator = new Intl.Collator(undefined, { numeric: true });

function make(name, options = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(options)) {
    if (key === "text") element.textContent = value;
    else if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (value !== null && value !== false) element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children);
  return element;
}

function setUpTheme() {
  const choice = document.getElementById("theme-choice");
  const apply = (theme) => {
    if (theme) document.documentElement.dataset.theme = theme;
    else delete document.documentElement.dataset.theme;
  };
  let kept = "";
  try { kept = localStorage.getItem("asr-theme") || ""; } catch { /* a browser that keeps nothing */ }
  if (["light", "dark"].includes(kept)) { choice.value = kept; apply(kept); }
  choice.addEventListener("change", () => {
    apply(choice.value);
    try { localStorage.setItem("asr-theme", choice.value); } catch { /* likewise */ }
  });
  document.getElementById("theme").hidden = false;
}

function compare(a, b) {
  if (typeof a === "number" && typeof b === "number") return a - b;
  return collator.compare(String(a), String(b));
}

// A header's text becomes a button; `sort` is called with its column and whether it ascends.
function sortButtons(headers, sort) {
  headers.forEach((header, column) => {
    const button = make("button", { type: "button" });
    button.append(...header.childNodes);
    header.append(button);
    button.addEventListener("click", () => {
      const before = header.getAttribute("aria-sort");
      const firstDown = header.classList.contains("number");
      const ascends = before ? before === "descending" : !firstDown;
      headers.forEach((other) => other.removeAttribute("aria-sort"));
      header.setAttribute("aria-sort", ascends ? "ascending" : "descending");
      sort(column, ascends);
    });
  });
}

function makeSortable(table) {
  const body = table.tBodies[0];
  sortButtons([...table.tHead.rows[0].cells], (column, ascends) => {
    const key = (row) => {
      const text = row.cells[column].dataset.value;
      return text !== "" && isFinite(text) ? Number(text) : text;
    };
    const rows = [...body.rows].map((row) => [key(row), row]);
    rows.sort((a, b) => (ascends ? 1 : -1) * compare(a[0], b[0]));
    body.append(...rows.map(([, row]) => row));
  });
}

function split(text) {
  return text === "" ? [] : text.split(" ");
}

// [id, speaker, reference, [[hypothesis, steps], ...], seconds, audio, start, remark] -> an object
function readRow(row, speakers) {
  const [id, speaker, reference, systems, seconds, audio, start, remark] = row;
  const size = split(reference).length;
  const read = systems.map(([hypothesis, steps]) => {
    const counts = { S: 0, D: 0, I: 0 };
    for (const step of steps) if (step !== "=") counts[step] += 1;
    return {
      hypothesis: hypothesis === 0 ? reference : hypothesis === null ? "" : hypothesis,
      steps: hypothesis === 0 ? "=".repeat(size) : steps,
      missing: hypothesis === null,
      errors: counts.S + counts.D + counts.I,
      counts,
    };
  });
  const errors = read.map((system) => system.errors);
  return {
    id, reference, size, seconds, audio, start, remark, systems: read, errors,
    speaker: speaker < 0 ? null : speakers[speaker],
    worst: Math.max(...errors),
    apart: Math.max(...errors) - Math.min(...errors),
    found: null,
  };
}

function searchText(row) {
  row.found ??= [row.id, row.reference, ...row.systems.map((s) => s.hypothesis)]
    .join("\n").normalize("NFC").toLowerCase();
  return row.found;
}

// The steps of all systems beside each other: columns of [reference or null, [letter, word] a system].
function columnsOf(row) {
  const words = split(row.reference);
  const inserted = row.systems.map(() => Array.from({ length: words.length + 1 }, () => []));
  const heard = row.systems.map(() => []);
  row.systems.forEach((system, number) => {
    const said = split(system.hypothesis);
    let place = 0, next = 0;
    for (const step of system.steps) {
      if (step === "I") inserted[number][place].push(said[next++]);
      else heard[number][place++] = [step, step === "D" ? null : said[next++]];
    }
  });
  const columns = [];
  for (let place = 0; place <= words.length; place++) {
    const most = Math.max(...inserted.map((of) => of[place].length));
    for (let n = 0; n < most; n++) {
      columns.push([null, inserted.map((of) => (n < of[place].length ? ["I", of[place][n]] : null))]);
    }
    if (place < words.length) columns.push([words[place], heard.map((of) => of[place])]);
  }
  return columns;
}

function stepCell(cell, reference) {
  if (cell === null || cell === undefined) return make("span", { "aria-hidden": "true", text: "\u00a0" });
  const [letter, word] = cell;
  if (letter === "=") return make("span", {}, make("bdi", { text: word }));
  const element = make({ D: "del", I: "ins", S: "span" }[letter], { class: letter, title: WORDS[letter] });
  element.append(
    make("span", { class: "mark", "aria-hidden": "true", text: letter }),
    make("span", { class: "hidden-text", text: `${WORDS[letter]}: ` }),
    make("bdi", { text: letter === "D" ? reference : word }),
  );
  return element;
}

function alignmentOf(row, names, language) {
  const area = make("div", { class: "align", role: "group", dir: "auto", "aria-label": "Words of the reference, and below each what was recognized" });
  if (language) area.lang = language;
  const heads = make("div", { class: "step heads" }, make("span", { text: "reference" }));
  for (const name of names) heads.append(make("span", { text: name }));
  area.append(heads);
  for (const [reference, cells] of columnsOf(row)) {
    const said = reference === null
      ? make("span", { "aria-hidden": "true", text: "\u00a0" })
      : make("span", { class: "said" }, make("bdi", { text: reference }));
    area.append(make("div", { class: "step" }, said, ...cells.map((cell) => stepCell(cell, reference))));
  }
  return area;
}

function audioOf(row) {
  if (row.audio === null) return make("p", { class: "note", text: "Cannot be played: it is not known where its recording lies." });
  let url = row.audio;
  if (row.start !== null) url += `#t=${row.start}${row.seconds === null ? "" : `,${row.start + row.seconds}`}`;
  const player = make("audio", { controls: true, preload: "metadata", src: url, "aria-label": `Recording of ${row.id}` });
  const area = make("div", {}, player);
  player.addEventListener("error", () => {
    const name = decodeURIComponent(row.audio);
    area.replaceChildren(make("p", { class: "note", text: `Cannot be played: ${name} is not there, seen from this page, or is of a kind that this browser does not play.` }));
  });
  return area;
}

function detailOf(row, names, options) {
  const lines = [];
  row.systems.forEach((system, number) => {
    const { S, D, I } = system.counts;
    const whose = names.length > 1 ? `${names[number]}: ` : "";
    const missing = system.missing ? "no hypothesis, all counted as deletions; " : "";
    lines.push(`${whose}${missing}${row.size} words, ${S} substituted, ${D} deleted, ${I} inserted`);
  });
  if (row.speaker !== null) lines.push(`speaker ${row.speaker}`);
  if (row.seconds !== null) lines.push(`${row.seconds} s`);
  if (row.remark) lines.push(row.remark);
  const cell = make("div", { class: "inner" });
  cell.append(make("p", { class: "note", text: lines.join("; ") }), alignmentOf(row, names, options.language), audioOf(row));
  const picture = options.pictures[row.id];
  if (picture) cell.append(make("p", {}, make("a", { href: `#${picture}`, text: `Pictures of ${row.id}` })));
  return make("tr", { class: "detail" }, make("td", { colspan: options.numColumns }, cell));
}

class Utterances {
  constructor(place, data) {
    this.place = place;
    this.names = data.names;
    this.options = { language: place.dataset.language || "", pictures: data.pictures, numColumns: 0 };
    this.rows = data.rows.map((row) => readRow(row, data.speakers));
    this.total = data.num_utterances;
    this.sort = { key: (row) => row.worst, ascends: false };
    this.from = 0;
    this.build(data.speakers);
    this.update();
  }

  columns() {
    const rate = (row) => row.worst / Math.max(row.size, 1);
    const first = { title: "utterance", key: (row) => row.id };
    const size = { title: "words", key: (row) => row.size, show: (row) => row.size };
    if (this.names.length > 1) {
      const each = this.names.map((name, n) => ({ title: name, key: (row) => row.errors[n], show: (row) => row.errors[n] }));
      return [first, { ...size, optional: true }, ...each, { title: "apart", key: (row) => row.apart, show: (row) => row.apart }];
    }
    const part = (letter, title) => ({ title, optional: true, key: (row) => row.systems[0].counts[letter], show: (row) => row.systems[0].counts[letter] });
    return [
      first, { ...size, optional: true }, part("S", "sub"), part("D", "del"), part("I", "ins"),
      { title: "errors", key: (row) => row.worst, show: (row) => row.worst },
      { title: "%", key: rate, show: (row) => (100 * rate(row)).toFixed(0) },
    ];
  }

  build(speakers) {
    const columns = this.columns();
    this.options.numColumns = columns.length;
    const option = (value, text) => make("option", { value, text });
    this.which = make("select", {}, option("all", "all"), option("wrong", "wrong"), option("right", "right"), option("missing", "missing"));
    if (this.names.length > 1) this.which.append(option("apart", "where the systems differ"));
    if (this.rows.some((row) => row.remark)) this.which.append(option("remark", "with a remark (loop, length, unreadable)"));
    this.who = make("select", {}, option("", "all"), ...[...speakers].sort(collator.compare).map((name) => option(`=${name}`, name)));
    this.search = make("input", { type: "search", autocomplete: "off", spellcheck: "false", placeholder: "id or words" });
    const restart = () => { this.from = 0; this.update(); };
    for (const input of [this.which, this.who]) input.addEventListener("change", restart);
    this.search.addEventListener("input", restart);
    const label = (text, input) => make("label", {}, make("span", { text }), input);
    const filters = make("fieldset", { class: "filters" }, make("legend", { text: "Show" }), label("Which", this.which));
    if (speakers.length > 1) filters.append(label("Speaker", this.who));
    filters.append(label("Search", this.search));

    this.status = make("p", { class: "status", role: "status", "aria-live": "polite" });
    const step = (by) => { this.from += by * PAGE_SIZE; this.update(); };
    this.back = make("button", { type: "button", text: "Previous", onclick: () => step(-1) });
    this.next = make("button", { type: "button", text: "Next", onclick: () => step(1) });
    this.body = make("tbody");
    const headers = columns.map((column, n) => make("th", { scope: "col", class: `${n ? "number" : ""}${column.optional ? " optional" : ""}`, text: column.title }));
    const table = make("table", { class: "list" }, make("caption", {}, make("span", { class: "wide", text: "Utterances; open one to see its alignment" })), make("thead", {}, make("tr", {}, ...headers)), this.body);
    sortButtons(headers, (column, ascends) => {
      this.sort = { key: columns[column].key, ascends };
      restart();
    });
    const start = headers[this.names.length > 1 ? headers.length - 1 : headers.length - 2];
    start.setAttribute("aria-sort", "descending");
    if (this.names.length > 1) this.sort = { key: (row) => row.apart, ascends: false };
    const legend = make("p", { class: "legend", "aria-label": "Marks" });
    for (const letter of "SDI") {
      legend.append(make("span", {}, make("span", { class: letter }, make("span", { class: "mark", text: letter }), WORDS[letter])));
    }
    const pager = make("div", { class: "pager" }, this.back, this.next, this.status);
    this.place.replaceChildren(filters, legend, pager, make("div", { class: "scroll", role: "region", tabindex: "0", "aria-label": "Utterances" }, table));
    if (this.rows.length < this.total) {
      this.place.prepend(make("p", { class: "note", text: `Of ${this.total.toLocaleString("en")} utterances, the ${this.rows.length.toLocaleString("en")} with the most errors are on this page.` }));
    }
  }

  chosen() {
    const which = {
      all: () => true, wrong: (row) => row.worst > 0, right: (row) => row.worst === 0,
      missing: (row) => row.systems.some((system) => system.missing),
      apart: (row) => row.apart > 0, remark: (row) => row.remark !== "",
    }[this.which.value];
    const who = this.who.value.slice(1), words = this.search.value.normalize("NFC").toLowerCase().trim();
    return this.rows.filter((row) => which(row)
      && (this.who.value === "" || row.speaker === who) && (words === "" || searchText(row).includes(words)));
  }

  update() {
    const { key, ascends } = this.sort;
    const found = this.chosen().map((row) => [key(row), row]);
    found.sort((a, b) => (ascends ? 1 : -1) * compare(a[0], b[0]));
    const shown = found.slice(this.from, this.from + PAGE_SIZE).map(([, row]) => row);
    this.body.replaceChildren(...shown.map((row) => this.line(row)));
    this.back.disabled = this.from === 0;
    this.next.disabled = this.from + PAGE_SIZE >= found.length;
    const say = (number) => number.toLocaleString("en");
    const range = found.length ? `, shown are ${say(this.from + 1)} to ${say(this.from + shown.length)}` : "";
    this.status.textContent = `${say(found.length)} of ${say(this.rows.length)} utterances${range}`;
  }

  line(row) {
    const preview = row.reference.length > PREVIEW ? `${row.reference.slice(0, PREVIEW)}…` : row.reference;
    const button = make("button", { type: "button", class: "open", "aria-expanded": "false" }, make("bdi", { text: row.id }));
    const text = make("p", { class: "preview", dir: "auto", text: preview || "(no words)" });
    if (this.options.language) text.lang = this.options.language;
    const line = make("tr", {}, make("th", { scope: "row" }, button, text));
    this.columns().slice(1).forEach((column) => {
      line.append(make("td", { class: `number${column.optional ? " optional" : ""}`, text: column.show(row) }));
    });
    button.addEventListener("click", () => {
      const open = button.getAttribute("aria-expanded") === "true";
      if (open) line.nextElementSibling.remove();
      else line.after(detailOf(row, this.names, this.options));
      button.setAttribute("aria-expanded", String(!open));
    });
    return line;
  }
}

setUpTheme();
document.querySelectorAll("table.sortable").forEach(makeSortable);
new Utterances(document.getElementById("utterances-place"), JSON.parse(document.getElementById("data").textContent));
