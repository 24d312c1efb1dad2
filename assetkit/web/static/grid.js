// The strip and the grid of partitions. What is chosen is text in the form beneath them,
// which works alone; the list of ranges says the same.
const done = new WeakMap();
const range = (a, b) => a === b ? a : `${a}..${b}`;
const field = () => document.querySelector('#choose input[name="p"]');
const tell = (words) => { document.getElementById("cursor").textContent = words; };

// Each returns what gives up the choice, and says whether there was one.
export function attachGrid(grid) {
  if (!done.has(grid)) done.set(grid, attach(grid));
  return done.get(grid);
}
export function attachStrip(strip) {
  if (!done.has(strip)) done.set(strip, attachPieces(strip));
  return done.get(strip);
}

function attach(grid) {
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
  const mark = grid.querySelector("#cursor-mark"), before = field().value;
  let cursor = null, anchor = null;

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
    field().value = chosen();
    const told = all.length ? `${all.length} partitions` : standing(cursor);
    tell(`${chosen()} — ${told}; Enter looks at ${all.length ? "them" : "it"}`);
  }
  function go(cell, extend) {
    if (!cell) return;
    if (!extend || !anchor) anchor = cell;
    cursor = cell;
    draw();
  }
  const named = cells.find((cell) => cell.key === before);
  if (named) {
    mark.setAttribute("x", left + named.x * size);
    mark.setAttribute("y", top + named.y * size);
    mark.setAttribute("visibility", "visible");
  }
  grid.setAttribute("tabindex", "0");
  grid.setAttribute("role", "application");
  grid.addEventListener("pointerdown", (event) => go(cellAt(event), event.shiftKey));
  grid.addEventListener("pointermove", (event) => { if (event.buttons & 1) go(cellAt(event), true); });
  grid.addEventListener("dblclick", () => field().form.requestSubmit());
  grid.addEventListener("keydown", (event) => {
    const here = cursor ?? named ?? cells[cells.length - 1];
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
    if (event.key === "Enter" && cursor) field().form.requestSubmit();
    if (!to) return;
    event.preventDefault();
    go(cursor || event.key === "Home" ? to() : here, event.shiftKey);
  });
  return () => {
    if (!cursor) return false;
    cursor = anchor = null;
    draw();
    mark.setAttribute("visibility", "hidden");
    field().value = before;
    tell("");
    return true;
  };
}

// A piece leads to its own partitions; several side by side are one range.
function attachPieces(strip) {
  const pieces = [...strip.querySelectorAll("a")], before = field().value;
  let anchor = -1, cursor = -1;

  function draw() {
    const [a, b] = [Math.min(anchor, cursor), Math.max(anchor, cursor)];
    pieces.forEach((piece, at) => piece.toggleAttribute("data-picked", anchor >= 0 && a <= at && at <= b));
    if (anchor < 0) return;
    field().value = range(pieces[a].dataset.first, pieces[b].dataset.last);
    const count = pieces.slice(a, b + 1).reduce((sum, one) => sum + Number(one.dataset.count), 0);
    const standing = a === b ? `: ${pieces[a].dataset.words}` : "";
    tell(`${field().value} — ${count.toLocaleString("en")} partitions${standing}`);
  }
  function go(at, extend) {
    if (!pieces[at]) return;
    if (!extend || anchor < 0) anchor = at;
    cursor = at;
    // One stop for the Tab key, however many pieces there are.
    pieces.forEach((piece, place) => { piece.tabIndex = place === at ? 0 : -1; });
    draw();
  }
  const placeOf = (event) => pieces.indexOf(event.target.closest?.("a"));
  const shown = pieces.findIndex((piece) => piece.hasAttribute("aria-current"));
  pieces.forEach((piece, at) => { piece.tabIndex = at === Math.max(shown, 0) ? 0 : -1; });
  strip.addEventListener("keydown", (event) => {
    const here = placeOf(event);
    const to = { ArrowLeft: here - 1, ArrowRight: here + 1, Home: 0, End: pieces.length - 1 }[event.key];
    if (event.key === "Enter" && anchor !== cursor) {
      event.preventDefault();
      field().form.requestSubmit();
    }
    if (to === undefined || !pieces[to]) return;
    event.preventDefault();
    if (anchor < 0) anchor = here;
    go(to, event.shiftKey);
    pieces[to].focus();
  });
  // Dragging over pieces, or Shift with a click, chooses them; a click alone opens one.
  let held = -1, dragged = false;
  strip.addEventListener("dragstart", (event) => event.preventDefault());
  strip.addEventListener("pointerdown", (event) => {
    held = event.shiftKey && anchor >= 0 ? anchor : placeOf(event);
    dragged = false;
  });
  strip.addEventListener("pointermove", (event) => {
    const at = placeOf(event);
    if (!(event.buttons & 1) || held < 0 || at < 0 || (at === held && !dragged)) return;
    if (!dragged) go(held, false);
    dragged = true;
    go(at, true);
  });
  strip.addEventListener("click", (event) => {
    const at = placeOf(event);
    if (event.shiftKey && at >= 0) go(at, true);
    if (event.shiftKey || dragged) event.preventDefault();
  });
  return () => {
    if (anchor < 0) return false;
    anchor = cursor = -1;
    draw();
    field().value = before;
    tell("");
    return true;
  };
}
