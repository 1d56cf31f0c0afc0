"use strict";
const table = document.getElementById("findings");
const rows = table ? [...table.tBodies[0].rows] : [];
const query = document.getElementById("query"), fix = document.getElementById("fix"), shown = document.getElementById("shown");
const tiles = [...document.querySelectorAll(".tile")];
const texts = new Map();

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
    row.hidden = !keep;
    count += keep;
  }
  shown.textContent = count === rows.length ? `${count} findings` : `${count} of ${rows.length} findings`;
};

let waiting;
if (table) {
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
    table.tBodies[0].append(...keyed.map(([, row]) => row));
  }));
}
