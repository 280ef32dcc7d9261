"use strict";
(() => {
  for (const table of document.querySelectorAll("table.sortable")) {
    const body = table.tBodies[0];
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        const down = head.getAttribute("aria-sort") !== "descending";
        heads.forEach((other) => other.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        const key = (row) => row.cells[column].dataset.sort ?? row.cells[column].textContent;
        const order = (a, b) => key(a).localeCompare(key(b), undefined, { numeric: true });
        body.append(...[...body.rows].sort((a, b) => (down ? order(b, a) : order(a, b))));
      });
    });
  }
  const filter = document.querySelector(".filter");
  if (!filter) return;
  const text = document.getElementById("filter");
  const severity = document.getElementById("severity");
  const show = () => {
    const words = text.value.toLowerCase();
    for (const row of document.getElementById("findings").tBodies[0].rows) {
      const fits = !severity.value || row.dataset.severity === severity.value;
      row.hidden = !fits || !row.textContent.toLowerCase().includes(words);
    }
  };
  text.addEventListener("input", show);
  severity.addEventListener("input", show);
  filter.hidden = false;
})();
