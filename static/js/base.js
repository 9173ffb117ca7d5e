// Says moments in the reader's own time, recent ones as "2 hours ago", and closes an open menu. The page is whole without it.

const MINUTE = 60;
const STEPS = [
  [60 * MINUTE, MINUTE, "minute"],
  [24 * 60 * MINUTE, 60 * MINUTE, "hour"],
  [7 * 24 * 60 * MINUTE, 24 * 60 * MINUTE, "day"],
];
const REFRESH_MS = 60_000;
const language = document.documentElement.lang || "en";
const moment = new Intl.DateTimeFormat(language === "en" ? "en-GB" : language, {
  day: "numeric", month: "long", year: "numeric", hour: "2-digit", minute: "2-digit",
});
const relative = new Intl.RelativeTimeFormat(language, { numeric: "auto", style: "short" });

/** "5 min. ago" for a moment of the last seven days; null for older and future ones, which keep their date. */
function age(at, now = Date.now()) {
  const seconds = (now - at) / 1000;
  if (Number.isNaN(seconds) || seconds < -MINUTE) return null;
  if (seconds < MINUTE) return relative.format(0, "second");
  for (const [limit, size, unit] of STEPS) {
    if (seconds < limit) return relative.format(-Math.floor(seconds / size), unit);
  }
  return null;
}

/** Markup that arrives later is served by a bubbling "arrived" event from the element it arrived in. */
function sayTimes(root = document) {
  for (const time of root.querySelectorAll("time[data-relative]")) {
    const at = Date.parse(time.dateTime);
    time.title ||= Number.isNaN(at) ? time.textContent.trim() : moment.format(at);
    time.textContent = age(at) ?? time.title;
  }
}

sayTimes();
setInterval(sayTimes, REFRESH_MS);
document.addEventListener("arrived", (event) => sayTimes(event.target));

document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});
document.addEventListener("keydown", (event) => {
  const menu = event.key === "Escape" && document.querySelector("details.menu[open]");
  if (!menu) return;
  menu.open = false;
  menu.querySelector("summary").focus();
});

// Whoever signs out leaves nothing in the browser. The answer asks for it as well (Clear-Site-Data); this holds also
// where the server cannot be reached.
document.addEventListener("submit", (event) => {
  if (event.defaultPrevented || !event.target.matches("[data-signs-out]")) return;
  try {
    sessionStorage.clear();
    localStorage.clear();
  } catch {
    // A browser that keeps nothing has nothing to leave.
  }
});
