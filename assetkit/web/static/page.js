// What makes the page live and quick; without it everything still reads and works.
import { attachGraph, leaveGraph } from "./graph.js";
import { attachGrid, attachStrip } from "./grid.js";
import { follow } from "./live.js";

const root = document.documentElement;

function toggleTheme() {
  const dark = getComputedStyle(root).colorScheme === "dark" ||
    (!root.dataset.theme && matchMedia("(prefers-color-scheme: dark)").matches);
  root.dataset.theme = dark ? "light" : "dark";
  localStorage.setItem("assetkit-theme", root.dataset.theme);
}

function localTimes() {
  for (const time of document.querySelectorAll("time[datetime]:not([title])")) {
    const moment = new Date(time.dateTime);
    if (isNaN(moment)) continue;
    time.title = time.textContent;
    const two = (number) => String(number).padStart(2, "0");
    time.textContent = `${moment.getFullYear()}-${two(moment.getMonth() + 1)}-${two(moment.getDate())} ` +
      `${two(moment.getHours())}:${two(moment.getMinutes())}` +
      ("seconds" in time.dataset ? `:${two(moment.getSeconds())}` : "");
  }
}

// What a reader has opened stays open when the page is fetched anew.
let opened = new Map();
document.addEventListener("htmx:before:swap", () => {
  opened = new Map([...document.querySelectorAll("details[id]")].map((one) => [one.id, one.open]));
});
document.addEventListener("htmx:after:swap", () => {
  for (const [id, open] of opened) {
    const one = document.getElementById(id);
    if (one) one.open = open;
  }
  dress();
});

function say(words) {
  const said = document.getElementById("said");
  said.textContent = words;
  said.hidden = false;
  clearTimeout(say.due);
  say.due = setTimeout(() => { said.hidden = true; }, 2500);
}

function copies() {
  for (const button of document.querySelectorAll("button.copy[hidden]")) button.hidden = false;
}
document.addEventListener("click", ({ target }) => {
  const text = target.dataset?.copy;
  if (text === undefined) return;
  navigator.clipboard.writeText(text).then(() => {
    target.textContent = "Copied";
    setTimeout(() => { target.textContent = "Copy"; }, 1500);
  });
});

function dress() {
  localTimes();
  copies();
  const grid = document.getElementById("grid"), strip = document.getElementById("strip");
  if (grid) attachGrid(grid);
  if (strip) attachStrip(strip);
  const button = document.getElementById("follow");
  if (button) {
    button.hidden = false;
    button.setAttribute("aria-pressed", String(following > 0));
  }
  endOfLog();
  const graph = document.getElementById("graph");
  if (graph) attachGraph(graph);
}

// Leaving something out of a plan, or putting it back, plans anew at once.
document.addEventListener("change", ({ target }) => {
  const rest = 'input[type="checkbox"][name="without"]:not(:checked)';
  if (target.name === "without" && target.form?.querySelector(rest)) target.form.requestSubmit();
});

const typing = (target) => target.closest("input, select, textarea, [contenteditable]");
const busy = () => typing(document.activeElement ?? document.body) &&
  document.getElementById("main").contains(document.activeElement);

function refresh() {
  // Nobody sees a hidden tab; it catches up once somebody does.
  if (document.hidden) { document.addEventListener("visibilitychange", refresh, { once: true }); return; }
  const moved = document.getElementById("moved");
  if (moved) { moved.hidden = false; return; } // a plan that is being looked at stays as it is
  if (busy()) setTimeout(refresh, 1000);
  else document.getElementById("main").dispatchEvent(new Event("assetkit:changed"));
}

// The next or the previous row of the tables that are open, by the link that it leads to.
function row(step) {
  const links = [...document.querySelectorAll("#main table.rows tbody tr")]
    .map((one) => one.querySelector("a[href]")).filter((one) => one && one.checkVisibility());
  const here = links.findIndex((one) => one.closest("tr").contains(document.activeElement));
  const next = here < 0 ? (step > 0 ? 0 : links.length - 1) : here + step;
  links[next]?.focus();
}

// A log that goes on is fetched anew while it is followed, and shown from its end.
let following = 0;
function followLog() {
  const button = document.getElementById("follow");
  if (following || !button) {
    clearInterval(following);
    following = 0;
  } else {
    following = setInterval(() => document.getElementById("main").dispatchEvent(new Event("assetkit:changed")), 1500);
  }
  button?.setAttribute("aria-pressed", String(following > 0));
  endOfLog();
}
function endOfLog() {
  const log = document.querySelector(".log");
  if (following && log) log.scrollTop = log.scrollHeight;
}
document.addEventListener("click", ({ target }) => { if (target.id === "follow") followLog(); });

// Back by one level: out of a field, of what is chosen in a picture, of what is looked at closely.
function backOut(event) {
  if (document.querySelector("dialog[open]")) return;
  const field = typing(event.target);
  if (field) { field.blur(); return; }
  const [grid, strip, graph] = ["grid", "strip", "graph"].map((id) => document.getElementById(id));
  const given = [grid && attachGrid(grid)(), strip && attachStrip(strip)(), graph && leaveGraph(graph)];
  if (given.some(Boolean)) return;
  const row = document.activeElement.closest("#main tr");
  if (row) { document.activeElement.blur(); return; }
  if (/^\/(lineage|assets|runs)\b/.test(location.pathname) && location.search) location.href = location.pathname;
}

// What a key is about: the row in hand, the box in hand, what is chosen in the grid, or the page.
function inHand(selector) {
  const row = document.activeElement.closest("#main table.rows tr")?.querySelector(selector);
  const panel = document.getElementById("graph-panel");
  return row ?? (panel && !panel.hidden ? panel.querySelector(selector) : null);
}
function planShown() {
  const chosen = document.querySelector('#choose button[formaction="/plan"]');
  const page = document.querySelector('#main a[href^="/plan?"], #main form:not(#choose) button[formaction="/plan"]');
  const isChosen = document.querySelector('#choose input[name="p"]')?.value;
  (inHand('a[href^="/plan?"]') ?? (isChosen && chosen ? chosen : page))?.click();
}
function why() {
  const link = inHand('a[href$="#why"]');
  if (link) link.click();
  else document.getElementById("why")?.scrollIntoView();
}

const pages = { b: "/", l: "/lineage", r: "/runs", p: "/plan" };
const off = () => localStorage.getItem("assetkit-keys") === "off";
let awaited = false;
document.addEventListener("keydown", (event) => {
  if (off() || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Escape") backOut(event);
  if (typing(event.target)) return;
  const plain = awaited && pages[event.key];
  if (plain) location.href = plain;
  awaited = event.key === "g";
  if (event.key === "j") row(1);
  if (event.key === "k") row(-1);
  if (event.key === "f") followLog();
  if (event.key === "w") why();
  if (event.key === "p" && !plain) planShown();
  if (event.key === "[") document.querySelector("a[rel=prev]")?.click();
  if (event.key === "]") document.querySelector("a[rel=next]")?.click();
  if (event.key === ".") navigator.clipboard.writeText(location.href).then(() => say("Address copied"));
  if (event.key === "?") document.getElementById("keys-list").showModal();
  if (event.key === "/") {
    event.preventDefault();
    document.getElementById("selection").focus();
  }
});

document.getElementById("theme").hidden = false;
document.getElementById("theme").addEventListener("click", toggleTheme);
const keys = document.getElementById("keys-off");
const sayKeys = () => { keys.textContent = off() ? "Shortcuts on" : "Shortcuts off"; };
document.getElementById("keys").hidden = false;
keys.addEventListener("click", () => {
  localStorage.setItem("assetkit-keys", off() ? "on" : "off");
  sayKeys();
});
sayKeys();
dress();
follow(Number(root.dataset.version), refresh);
