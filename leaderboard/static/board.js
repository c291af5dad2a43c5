// Sorting, searching and filtering of the boards. Without this file the tables are complete, in rank order.
(function () {
  "use strict";

  const collator = new Intl.Collator("en", { numeric: true, sensitivity: "base" });

  function valueOf(row, column) {
    const cell = row.cells[column];
    const text = cell.dataset.sort !== undefined ? cell.dataset.sort : cell.textContent.trim();
    const number = text === "" ? NaN : Number(text);
    return { text: text, number: number };
  }

  // Numbers by size, then texts in reading order; an empty value comes last in either direction.
  function compare(a, b, sign) {
    if (a.text === "" || b.text === "") return (a.text === "" ? 1 : 0) - (b.text === "" ? 1 : 0);
    const numbers = !Number.isNaN(a.number) && !Number.isNaN(b.number);
    return sign * (numbers ? a.number - b.number : collator.compare(a.text, b.text));
  }

  // Each group is sorted by itself: preview rows never move among full ones.
  function sortGroup(body, column, sign) {
    const rows = Array.from(body.querySelectorAll("tr.row"), (row, at) => ({ row: row, at: at, value: valueOf(row, column) }));
    rows.sort((a, b) => compare(a.value, b.value, sign) || a.at - b.at);
    body.append(...rows.map((entry) => entry.row));
  }

  function makeSortable(table) {
    const heads = Array.from(table.tHead.rows[0].cells);
    heads.forEach((head, column) => {
      if (!head.hasAttribute("data-sortable")) return;
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        const now = head.getAttribute("aria-sort");
        const first = head.dataset.sortable === "descending" ? "descending" : "ascending";
        const other = first === "ascending" ? "descending" : "ascending";
        const next = now === first ? other : first;
        heads.forEach((each) => each.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", next);
        for (const body of table.tBodies) sortGroup(body, column, next === "ascending" ? 1 : -1);
      });
    });
  }

  function matches(row, words, choices) {
    const text = row.dataset.text;
    return words.every((word) => text.includes(word)) &&
      choices.every(([name, id]) => (row.getAttribute("data-" + name) || "").split(" ").includes(id));
  }

  function makeFilterable(board) {
    const controls = board.querySelector(".controls");
    const table = board.querySelector("table.board");
    const rows = Array.from(table.querySelectorAll("tr.row"));
    const search = controls.querySelector("input[type=search]");
    const selects = Array.from(controls.querySelectorAll("select"));
    const toggles = Array.from(controls.querySelectorAll("input[data-hides]"));
    const tally = controls.querySelector(".tally");
    const empty = board.querySelector(".empty");

    function update() {
      const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
      const choices = selects.filter((select) => select.value !== "").map((select) => [select.name, select.value]);
      let shown = 0;
      for (const row of rows) {
        row.hidden = !matches(row, words, choices);
        if (!row.hidden) shown += 1;
      }
      for (const body of table.tBodies) body.hidden = !body.querySelector("tr.row:not([hidden])");
      tally.textContent = shown === rows.length ? rows.length + " rows" : shown + " of " + rows.length + " rows";
      empty.hidden = shown > 0;
    }

    search.addEventListener("input", update);
    for (const select of selects) select.addEventListener("change", update);
    for (const toggle of toggles) {
      const apply = () => table.classList.toggle("hide-" + toggle.dataset.hides, !toggle.checked);
      toggle.addEventListener("change", apply);
      apply();
    }
    controls.querySelector("button").addEventListener("click", () => {
      search.value = "";
      for (const select of selects) select.value = "";
      update();
      search.focus();
    });
    controls.hidden = false;
    update();
  }

  for (const board of document.querySelectorAll("[data-board]")) {
    makeSortable(board.querySelector("table.board"));
    makeFilterable(board);
  }
})();
