"use strict";
(() => {
  const table = document.getElementById("findings");
  if (!table) return;
  const body = table.tBodies[0];
  const text = document.getElementById("filter");
  const severity = document.getElementById("severity");
  const show = () => {
    const words = text.value.toLowerCase();
    for (const row of body.rows) {
      const fits = !severity.value || row.dataset.severity === severity.value;
      row.hidden = !fits || !row.textContent.toLowerCase().includes(words);
    }
  };
  text.addEventListener("input", show);
  severity.addEventListener("input", show);
  document.querySelector(".filter").hidden = false;
  [...table.tHead.rows[0].cells].forEach((head, column) => {
    let down = false;
    head.classList.add("sortable");
    head.addEventListener("click", () => {
      down = !down;
      const key = (row) => row.cells[column].dataset.sort ?? row.cells[column].textContent;
      const order = (a, b) => key(a).localeCompare(key(b), undefined, { numeric: true });
      body.append(...[...body.rows].sort((a, b) => (down ? order(a, b) : order(b, a))));
    });
  });
})();
