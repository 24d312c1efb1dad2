// A cursor and ranges on the grid of partitions. What is chosen is text in the form beneath it,
// which works alone; the list of ranges says the same as the grid.
const done = new WeakSet();

export function attachGrid(grid) {
  if (done.has(grid)) return;
  done.add(grid);
  const size = Number(grid.dataset.cell), left = Number(grid.dataset.left);
  const { across, down } = grid.dataset;
  const cells = [];
  const rows = [...grid.querySelectorAll("g[data-keys]")].map((row, y) => {
    const start = Number(row.dataset.start);
    return row.dataset.keys.split("\n").map((key, at) => {
      const cell = { key, x: start + at, y, label: row.dataset.label, at: cells.length };
      cells.push(cell);
      return cell;
    });
  });
  const mark = grid.querySelector("#cursor-mark"), words = document.getElementById("cursor");
  const field = document.querySelector('#choose input[name="p"]');
  let cursor = null, anchor = null;

  const name = (cell) => across ? `${across}=${cell.key},${down}=${cell.label}` : cell.key;
  const cellAt = (event) => {
    const box = grid.getBoundingClientRect();
    const x = Math.floor((event.clientX - box.left - left) / size);
    const y = Math.floor((event.clientY - box.top) / size);
    return rows[y]?.find((cell) => cell.x === x);
  };
  const chosen = () => {
    if (!anchor || anchor === cursor) return cursor ? name(cursor) : "";
    if (across) {
      const [a, b] = [anchor.key, cursor.key].sort();
      return `${across}=${a}..${b},${down}=${cursor.label}`;
    }
    const [a, b] = anchor.at < cursor.at ? [anchor, cursor] : [cursor, anchor];
    return `${a.key}..${b.key}`;
  };
  function draw() {
    grid.querySelectorAll(".picked").forEach((one) => one.remove());
    if (!cursor) return;
    mark.setAttribute("x", left + cursor.x * size);
    mark.setAttribute("y", cursor.y * size);
    mark.setAttribute("visibility", "visible");
    if (anchor && anchor !== cursor) {
      const picked = across
        ? rows[cursor.y].filter((one) => one.x >= Math.min(anchor.x, cursor.x) && one.x <= Math.max(anchor.x, cursor.x))
        : cells.slice(Math.min(anchor.at, cursor.at), Math.max(anchor.at, cursor.at) + 1);
      for (const one of picked) {
        const box = document.createElementNS("http://www.w3.org/2000/svg", "rect");
        box.setAttribute("class", "picked");
        box.setAttribute("x", left + one.x * size);
        box.setAttribute("y", one.y * size);
        box.setAttribute("width", size);
        box.setAttribute("height", size);
        mark.before(box);
      }
    }
    field.value = chosen();
    words.textContent = `${chosen()} — Enter looks at it`;
  }
  function go(cell, extend) {
    if (!cell) return;
    if (!extend) anchor = cell;
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
