(() => {
  "use strict";
  const byId = (id) => document.getElementById(id);
  const open = () => {
    const at = byId(decodeURIComponent(location.hash.slice(1)));
    for (let e = at; e; e = e.parentElement) if (e instanceof HTMLDetailsElement) e.open = true;
    if (at) at.scrollIntoView();
  };
  addEventListener("hashchange", open);
  if (location.hash) open();

  const table = byId("rows");
  if (!table) return;
  const body = table.tBodies[0];
  const rows = Array.from(body.rows, (tr) => ({ tr, text: tr.textContent.toLowerCase(), verdict: tr.cells[1].textContent, cause: tr.cells[2].textContent.split(" ")[0] }));
  const [search, outcome, cause, found] = ["search", "outcome", "cause", "found"].map(byId);

  const filter = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let n = 0;
    for (const row of rows) {
      const fits = (!outcome.value || row.verdict === outcome.value) && (!cause.value || row.cause === cause.value) && words.every((word) => row.text.includes(word));
      row.tr.hidden = !fits;
      if (fits) n += 1;
    }
    found.textContent = `${n} of ${rows.length} listed`;
  };

  const value = (tr, column, kind) => {
    const cell = tr.cells[column];
    return kind === "n" ? Number.parseInt(cell.dataset.v ?? cell.textContent, 10) : cell.textContent;
  };
  const heads = Array.from(table.tHead.rows[0].cells);
  const sort = (head, column) => {
    const up = head.getAttribute("aria-sort") !== "ascending";
    heads.forEach((other) => other.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", up ? "ascending" : "descending");
    const keyed = rows.map((row) => [value(row.tr, column, head.dataset.sort), row]);
    const order = new Intl.Collator("en", { numeric: true });
    keyed.sort(([a], [b]) => (head.dataset.sort === "n" ? a - b : order.compare(a, b)) * (up ? 1 : -1));
    body.append(...keyed.map(([, row]) => row.tr));
  };
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => sort(head, column));
  });

  byId("controls").hidden = false;
  byId("controls").addEventListener("submit", (event) => event.preventDefault());
  search.addEventListener("input", filter);
  outcome.addEventListener("change", filter);
  cause.addEventListener("change", filter);
  filter();
})();
