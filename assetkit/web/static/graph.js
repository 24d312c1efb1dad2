// The picture of the lineage: larger and smaller, moved about, walked by keys. It is links and
// a region that scrolls without this.
const NARROWEST = 0.15, WIDEST = 2;

const known = new WeakMap();

// Leave the box in hand; say whether there was one.
export function leaveGraph(region) {
  const panel = document.getElementById("graph-panel");
  if (!region.querySelector("svg").contains(document.activeElement) && panel.hidden) return false;
  panel.hidden = true;
  region.focus();
  return true;
}

// Call it anew after each change of the page: the picture may be another then.
export function attachGraph(region) {
  if (!known.has(region)) known.set(region, attach(region));
  known.get(region)();
}

function attach(region) {
  let picture, width, height, spots, scale;

  function look() {
    picture = region.querySelector("svg");
    ({ width, height } = picture.viewBox.baseVal);
    spots = [...picture.querySelectorAll("a[data-note]")].map((link) => {
      const box = link.querySelector("rect:not(.behind)");
      const [x, y, w, h] = ["x", "y", "width", "height"].map((name) => Number(box.getAttribute(name)));
      return { link, x, y, w, h, middle: x + w / 2 };
    });
    document.getElementById("graph-tools").hidden = false;
    mini.height = Math.max(10, Math.min(60, Math.round(mini.width * height / width)));
    // At first as much of it as can still be read.
    zoom(scale ?? Math.max(0.75, Math.min(1, (region.clientWidth - 2) / width)), 0, 0);
  }

  // While it is turned it is stretched as it is: to draw it takes longer than a frame. It is drawn
  // in its new size once it rests.
  let drawnAt, rest;
  function zoom(wanted, x = region.clientWidth / 2, y = region.clientHeight / 2, goesOn = false) {
    const next = Math.min(WIDEST, Math.max(NARROWEST, wanted));
    const left = (region.scrollLeft + x) / (scale ?? next), top = (region.scrollTop + y) / (scale ?? next);
    scale = next;
    clearTimeout(rest);
    if (goesOn) {
      picture.style.transform = `scale(${scale / drawnAt})`;
      rest = setTimeout(redraw, 150);
    } else redraw();
    region.scrollTo(
      Math.min(left * scale - x, width * scale - region.clientWidth),
      Math.min(top * scale - y, height * scale - region.clientHeight));
    map();
  }
  function redraw() {
    drawnAt = scale;
    picture.style.transform = "";
    picture.setAttribute("width", width * scale);
    picture.setAttribute("height", height * scale);
  }
  const whole = () => Math.min(1, region.clientWidth / width, Math.max(320, innerHeight - 260) / height);

  const mini = document.getElementById("minimap");
  let drawn = false;
  function map() {
    if (drawn) return;
    drawn = true;
    requestAnimationFrame(() => { drawn = false; drawMap(); });
  }
  function drawMap() {
    const hidden = width * scale <= region.clientWidth + 1 && height * scale <= region.clientHeight + 1;
    mini.hidden = hidden;
    if (hidden) return;
    const paint = mini.getContext("2d"), style = getComputedStyle(region);
    const share = Math.min(mini.width / width, mini.height / height);
    paint.clearRect(0, 0, mini.width, mini.height);
    paint.fillStyle = style.color;
    paint.globalAlpha = 0.5;
    for (const one of spots) paint.fillRect(one.x * share, one.y * share, Math.max(2, one.w * share), Math.max(1, one.h * share));
    paint.globalAlpha = 1;
    paint.strokeStyle = style.getPropertyValue("--work") || style.color;
    paint.strokeRect(region.scrollLeft / scale * share, region.scrollTop / scale * share,
      region.clientWidth / scale * share, region.clientHeight / scale * share);
  }
  function jump(event) {
    const share = Math.min(mini.width / width, mini.height / height);
    const box = mini.getBoundingClientRect();
    region.scrollTo(
      (event.clientX - box.left) / share * scale - region.clientWidth / 2,
      (event.clientY - box.top) / share * scale - region.clientHeight / 2);
  }
  mini.onpointerdown = jump;
  mini.onpointermove = (event) => { if (event.buttons & 1) jump(event); };

  // Moved by the mouse where it takes hold of no box.
  let held = null;
  region.addEventListener("pointerdown", (event) => {
    if (event.button || event.target.closest("a")) return;
    held = { x: event.clientX + region.scrollLeft, y: event.clientY + region.scrollTop };
  });
  region.addEventListener("pointermove", (event) => {
    if (!(held && event.buttons & 1)) { held = null; return; }
    region.scrollTo(held.x - event.clientX, held.y - event.clientY);
  });
  region.addEventListener("wheel", (event) => {
    if (!event.ctrlKey) return;
    event.preventDefault();
    const box = region.getBoundingClientRect();
    zoom(scale * Math.exp(-event.deltaY / 300), event.clientX - box.left, event.clientY - box.top, true);
  }, { passive: false });
  region.addEventListener("scroll", map, { passive: true });

  for (const button of document.querySelectorAll("#graph-tools button")) {
    const step = Number(button.dataset.zoom);
    button.addEventListener("click", () => zoom(step ? scale * 1.25 ** step : whole()));
  }

  // What the box that is pointed at, or has the focus, stands for, and where one can go from it.
  const panel = document.getElementById("graph-panel");
  function tell(link) {
    const { asset, group, note } = link.dataset;
    const to = (label, href) => Object.assign(document.createElement("a"), { textContent: label, href });
    const select = asset || `group:${group}`;
    const around = new URLSearchParams(location.search);
    around.set("select", select);
    around.set("depth", region.dataset.depth);
    const places = [
      to(asset ? "Open" : "Open the group", link.getAttribute("href")),
      to("Draw around it", `?${around}`),
      to("Plan…", `/plan?${new URLSearchParams({ select })}`),
    ];
    if (asset && group) {
      const folded = new URLSearchParams(location.search);
      const shut = [...document.querySelectorAll("input[name=group]")].filter((one) => one.defaultChecked);
      for (const name of ["group", "collapse"]) folded.delete(name);
      for (const name of [...shut.map((one) => one.value), group]) folded.append("group", name);
      places.push(to(`Fold ${group}`, `?${folded}`));
    }
    const edges = [...picture.querySelectorAll(".edge title")].map((one) => one.textContent.replaceAll("()", ""))
      .filter((one) => asset && (one.startsWith(`${asset} → `) || one.includes(` → ${asset}: `)));
    const mapped = edges.length ? ` (${edges.slice(0, 4).join("; ")}${edges.length > 4 ? "; …" : ""})` : "";
    panel.replaceChildren(note + mapped, ...places.flatMap((one) => [" · ", one]));
    panel.hidden = false;
  }
  const linkOf = (event) => event.target.closest?.("a[data-note]");
  for (const kind of ["pointerover", "focusin"]) {
    region.addEventListener(kind, (event) => { const link = linkOf(event); if (link) tell(link); });
  }

  // Arrows go to the nearest box on that side.
  region.addEventListener("keydown", (event) => {
    const link = linkOf(event);
    const side = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (!link || !side) return;
    event.preventDefault();
    const here = spots.find((one) => one.link === link);
    const aside = Boolean(side[0]) === (region.dataset.dir === "lr") ? 2 : 4;
    const far = (one) => {
      const x = Math.abs(one.middle - here.middle), y = Math.abs(one.y - here.y);
      return side[0] ? x + aside * y : y + aside * x;
    };
    const beyond = spots.filter((one) => side[0]
      ? Math.sign(one.x - here.x) === side[0] && Math.abs(one.x - here.x) > here.w / 2
      : Math.sign(one.y - here.y) === side[1]);
    beyond.sort((a, b) => far(a) - far(b))[0]?.link.focus();
  });
  return look;
}
