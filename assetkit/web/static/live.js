// One stream per browser, however many tabs: the tab that holds the lock listens, and tells
// the others. A browser opens six connections to a host; a stream in each tab would use them up.
const channel = new BroadcastChannel("assetkit-live");
let known = 0;

function show(state, words) {
  const dot = document.getElementById("live");
  dot.dataset.state = state;
  dot.firstElementChild.textContent = state === "on" ? "●" : "○";
  document.getElementById("live-words").textContent = words;
}

function count(running) {
  document.getElementById("running").hidden = !running;
  document.getElementById("running-count").textContent = running;
}

function listen(hear) {
  return new Promise((leave) => {
    const stream = new EventSource(`/live?after=${known}`);
    const say = (state) => { channel.postMessage({ state }); hear({ state }); };
    addEventListener("pagehide", () => { stream.close(); leave(); }, { once: true });
    stream.addEventListener("open", () => say("on"));
    stream.addEventListener("error", () => say("lost"));
    stream.addEventListener("changed", (event) => {
      const { version, running } = JSON.parse(event.data);
      channel.postMessage({ version, running });
      hear({ version, running });
    });
    channel.addEventListener("message", ({ data }) => {
      if (data.ask) channel.postMessage({ state: stream.readyState === 1 ? "on" : "lost", version: known });
    });
  });
}

export function follow(version, changed) {
  known = version;
  let due = 0, stood = "", since = "";
  const hear = ({ version, state, running }) => {
    if (running !== undefined) count(running);
    if (state && state !== stood) since = new Date().toTimeString().slice(0, 5);
    if (state) show(stood = state, state === "on" ? "live" : `connection lost at ${since}, retrying`);
    if (version === undefined || version === known) return;
    known = version;
    clearTimeout(due);
    due = setTimeout(changed, 100);
  };
  channel.addEventListener("message", ({ data }) => { if (!data.ask) hear(data); });
  channel.postMessage({ ask: true });
  // A page that is kept to go back to neither holds the stream nor waits for it.
  const stand = () => {
    const gone = new AbortController();
    addEventListener("pagehide", () => gone.abort(), { once: true });
    if (!navigator.locks) listen(hear);
    else navigator.locks.request("assetkit-live", { signal: gone.signal }, () => listen(hear)).catch(() => {});
  };
  stand();
  addEventListener("pageshow", (event) => { if (event.persisted) { stand(); changed(); } });
}
