"use strict";
const table = document.getElementById("findings");
const rows = table ? [...table.tBodies[0].rows] : [];
const query = document.getElementById("query"), fix = document.getElementById("fix"), shown = document.getElementById("shown");
const tiles = [...document.querySelectorAll(".tile")];
const texts = new Map();

// Browsers take seconds to lay out thousands of rows again; more are a click away.
let most = 300;
const more = document.getElementById("more");

const textOf = row => {
  if (!texts.has(row)) texts.set(row, row.textContent.toLowerCase());
  return texts.get(row);
};

const show = () => {
  const words = query.value.toLowerCase().split(/\s+/).filter(Boolean);
  const pressed = tiles.filter(tile => tile.getAttribute("aria-pressed") === "true").map(tile => tile.dataset.severity);
  let count = 0;
  for (const row of rows) {
    const { severity, state } = row.dataset;
    const keep = (pressed.length ? pressed.includes(severity) && state !== "waived" : true)
      && (fix.value === "" || fix.value === state)
      && words.every(word => textOf(row).includes(word));
    count += keep;
    row.hidden = !keep || count > most;
  }
  more.hidden = count <= most;
  more.textContent = `Show all ${count}`;
  shown.textContent = count === rows.length ? `${count} findings` : `${count} of ${rows.length} findings`;
};

let waiting;
if (table) {
  if (rows.length > most) show();
  more.addEventListener("click", () => { most = Infinity; show(); });
  query.addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(show, 120); });
  fix.addEventListener("change", show);
  for (const tile of tiles) tile.addEventListener("click", () => {
    tile.setAttribute("aria-pressed", String(tile.getAttribute("aria-pressed") !== "true"));
    show();
  });
  // The severities rank, and the risk is not what is shown of it.
  const key = (row, column) => column === 0 ? +row.dataset.level : column === 1 ? +row.dataset.risk : textKey(row.cells[column]);
  const textKey = cell => cell.textContent.trim().toLowerCase();
  const headers = [...table.tHead.rows[0].cells];
  headers.forEach((header, column) => header.firstElementChild.addEventListener("click", () => {
    const first = column < 2 ? "descending" : "ascending";
    const second = column < 2 ? "ascending" : "descending";
    const order = header.getAttribute("aria-sort") === first ? second : first;
    for (const other of headers) other.removeAttribute("aria-sort");
    header.setAttribute("aria-sort", order);
    const sign = order === "ascending" ? 1 : -1;
    const keyed = rows.map(row => [key(row, column), row]);
    keyed.sort(([a], [b]) => a < b ? -sign : a > b ? sign : 0);
    rows.splice(0, rows.length, ...keyed.map(([, row]) => row));
    // Outside the document nothing is laid out while the rows move.
    const body = table.tBodies[0];
    body.remove();
    body.append(...rows);
    show();
    table.append(body);
  }));
}
