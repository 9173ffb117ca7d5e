// Says how long a comment can still be changed, and takes the link away when that is over.

const TICK_MS = 1000;

function tick(link) {
  const left = Math.floor((Date.parse(link.dataset.editUntil) - Date.now()) / 1000);
  if (left <= 0) {
    link.remove();
    return;
  }
  const clock = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
  link.querySelector("span").textContent = ` · ${clock} left`;
  setTimeout(tick, TICK_MS, link);
}

/** Starts the clocks of the edit links in this part of the page. */
export function countDownEdits(root) {
  for (const link of root.querySelectorAll("[data-edit-until]")) {
    if (link.querySelector("span")) continue;
    const span = document.createElement("span");
    span.setAttribute("aria-hidden", "true");
    link.append(span);
    tick(link);
  }
}
