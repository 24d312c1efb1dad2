// A cursor and ranges on the grid of partitions. What is chosen is text in the form beneath it,
// which works alone; the list of ranges says the same as the grid.
const done = new WeakSet();

export function attachGrid(grid) {
  if (done.has(grid)) return;
  done.add(grid);
  const size = Number(grid.dataset.cell), left = Number(grid.dataset.left), top = Number(grid.dataset.top);
  const { across, down, fixed } = grid.dataset;
  const cells = [];
  const rows = [...grid.querySelectorAll("g[data-keys]")].map((row, y) => {
    const start = Number(row.dataset.start);
    return row.dataset.keys.split("\n").map((key, at) => {
      const cell = { key, x: start + at, y, row, at: cells.length };
      cells.push(cell);
      return cell;
    });
  });
  const mark = grid.querySelector("#cursor-mark"), words = document.getElementById("cursor");
  const field = document.querySelector('#choose input[name="p"]');
  let cursor = null, anchor = null;

  const range = (a, b) => a === b ? a : `${a}..${b}`;
  const cellAt = (event) => {
    const box = grid.getBoundingClientRect();
    const x = Math.floor((event.clientX - box.left - left) / size);
    const y = Math.floor((event.clientY - box.top - top) / size);
    return rows[y]?.find((cell) => cell.x === x);
  };
  const corners = () => ({
    x0: Math.min(anchor.x, cursor.x), x1: Math.max(anchor.x, cursor.x),
    y0: Math.min(anchor.y, cursor.y), y1: Math.max(anchor.y, cursor.y),
  });
  const chosen = () => {
    if (!cursor) return "";
    if (across) {
      const { x0, x1, y0, y1 } = corners();
      const label = (y) => rows[y][0].row.dataset.label;
      const both = [`${across}=${range(rows[0][x0].key, rows[0][x1].key)}`, `${down}=${range(label(y0), label(y1))}`];
      return [...both, ...(fixed ? [fixed] : [])].join(",");
    }
    const [a, b] = anchor.at < cursor.at ? [anchor, cursor] : [cursor, anchor];
    return range(a.key, b.key);
  };
  const picked = () => {
    if (!across) return cells.slice(Math.min(anchor.at, cursor.at), Math.max(anchor.at, cursor.at) + 1);
    const { x0, x1, y0, y1 } = corners();
    return rows.slice(y0, y1 + 1).flatMap((row) => row.slice(x0, x1 + 1));
  };
  // How a cell stands: what the piece says that it lies in.
  const standing = (cell) => {
    const piece = [...cell.row.querySelectorAll("rect[data-at]")]
      .find((one) => Number(one.dataset.at) <= cell.x && cell.x < Number(one.dataset.at) + Number(one.dataset.count));
    return piece ? piece.dataset.words : "no such partition";
  };
  function shade(all) {
    // Cells side by side are one rectangle: a choice may hold thousands.
    for (let from = 0; from < all.length;) {
      let to = from;
      while (to + 1 < all.length && all[to + 1].y === all[from].y && all[to + 1].x === all[to].x + 1) to += 1;
      const box = document.createElementNS("http://www.w3.org/2000/svg", "rect");
      box.setAttribute("class", "picked");
      box.setAttribute("x", left + all[from].x * size);
      box.setAttribute("y", top + all[from].y * size);
      box.setAttribute("width", (to - from + 1) * size);
      box.setAttribute("height", size);
      mark.before(box);
      from = to + 1;
    }
  }
  function draw() {
    grid.querySelectorAll(".picked").forEach((one) => one.remove());
    if (!cursor) return;
    mark.setAttribute("x", left + cursor.x * size);
    mark.setAttribute("y", top + cursor.y * size);
    mark.setAttribute("visibility", "visible");
    const all = anchor === cursor ? [] : picked();
    shade(all);
    field.value = chosen();
    const told = all.length ? `${all.length} partitions` : standing(cursor);
    words.textContent = `${chosen()} — ${told}; Enter looks at ${all.length ? "them" : "it"}`;
  }
  function go(cell, extend) {
    if (!cell) return;
    if (!extend || !anchor) anchor = cell;
    cursor = cell;
    draw();
  }
  grid.setAttribute("tabindex", "0");
  grid.setAttribute("role", "application");
  grid.addEventListener("pointerdown", (event) => go(cellAt(event), event.shiftKey));
  grid.addEventListener("pointermove", (event) => { if (event.buttons & 1) go(cellAt(event), true); });
  grid.addEventListener("dblclick", () => field.form.requestSubmit());
  grid.addEventListener("keydown", (event) => {
    const here = cursor ?? cells[cells.length - 1];
    const near = (dy) => rows[here.y + dy]?.reduce((best, one) =>
      Math.abs(one.x - here.x) < Math.abs(best.x - here.x) ? one : best);
    const to = {
      ArrowLeft: () => cells[here.at - 1],
      ArrowRight: () => cells[here.at + 1],
      ArrowUp: () => near(-1),
      ArrowDown: () => near(1),
      Home: () => cells[0],
      End: () => cells[cells.length - 1],
    }[event.key];
    if (event.key === "Enter" && cursor) field.form.requestSubmit();
    if (!to) return;
    event.preventDefault();
    go(cursor || event.key === "Home" ? to() : here, event.shiftKey);
  });
}
