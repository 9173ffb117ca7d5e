// Comments that arrived and wait until the reader asks for them: a button for new comments, one in each branch for
// new replies. The buttons lie over the page, so that nothing moves when one appears.

const by = (one, other) => one.comment - other.comment;

/** What waits, by where it goes. `list` is the page's list; one of a branch has no place for new roots. */
export class Waiting {
  #events = new Map(); // by the comment's id: all that was told of comments which are not on the page
  #behind = new Map(); // of these, the ones that are counted by a "Show more replies", with their link
  #list;
  #show;
  #bar = null;
  #atEnd;
  #isBranch;

  constructor(list, { atEnd, isBranch, show }) {
    this.#list = list;
    this.#atEnd = atEnd;
    this.#isBranch = isBranch;
    this.#show = show;
  }

  add(event) {
    this.#events.set(event.comment, event);
    const link = !this.#home(event) && onPage(event.root)?.closest("li").querySelector(":scope > [data-more]");
    if (!link || this.#behind.has(event.comment)) return;
    this.#behind.set(event.comment, link);
    countMore(link, 1);
  }

  drop(id) {
    this.#events.delete(id);
    const link = this.#behind.get(id);
    if (link) countMore(link, -1);
    this.#behind.delete(id);
  }

  isReply(id) {
    return this.#events.get(id)?.parent != null;
  }

  /** The comments that a press would bring onto this page. */
  get ids() {
    const { roots, branches } = this.#groups();
    return [...roots, ...[...branches.values()].flat()].map((event) => event.comment);
  }

  /** Brings the buttons in line with what waits; what came onto the page in another way waits no more. */
  draw() {
    for (const id of this.#events.keys()) if (onPage(id)) this.#events.delete(id);
    const { roots, branches } = this.#groups();
    this.#drawBar(roots);
    for (const old of this.#list.querySelectorAll(":scope > li > .new-replies")) {
      if (!branches.has(old.parentElement)) old.remove();
    }
    for (const [branch, group] of branches) this.#drawBranch(branch, group);
  }

  /** Where each waiting comment goes: with the roots, into a branch, or nowhere on this page. */
  #groups() {
    const roots = [];
    const branches = new Map();
    for (const event of [...this.#events.values()].sort(by)) {
      const home = this.#home(event);
      if (home === "roots") roots.push(event);
      else if (home) branches.set(home, [...(branches.get(home) ?? []), event]);
    }
    return { roots, branches };
  }

  #home(event) {
    if (event.parent === null) return this.#isBranch ? null : "roots";
    const root = onPage(event.root);
    if (!root && this.#isBranch) return null;
    if (!root) return this.#events.has(event.root) ? "roots" : null;
    // A reply to one that is behind "Show more replies" comes with it.
    for (let above = event; above; above = this.#events.get(above.parent)) {
      if (onPage(above.parent)) return root.closest("#comment-list > li");
    }
    return null;
  }

  #drawBar(roots) {
    if (!roots.length) {
      this.#bar?.remove();
      this.#bar = null;
      return;
    }
    if (!this.#bar) {
      this.#bar = document.createElement("div");
      this.#bar.className = `new-comments${this.#atEnd ? " new-comments--end" : ""}`;
      this.#bar.append(pill("new-comments__button", () => this.#press(() => this.#groups().roots)));
      if (this.#atEnd) this.#list.after(this.#bar);
      else this.#list.before(this.#bar);
    }
    label(this.#bar.firstElementChild, roots.length, "comment");
  }

  #drawBranch(branch, group) {
    let button = branch.querySelector(":scope > .new-replies");
    if (!button) {
      button = pill("new-replies", () => this.#press(() => this.#groups().branches.get(branch) ?? []));
      branch.append(button);
    }
    label(button, group.length, "reply");
  }

  #press(group) {
    const wanted = group().slice(0, AT_ONCE).map((event) => event.comment);
    if (wanted.length) this.#show(wanted);
  }
}

export const AT_ONCE = 50;

/** The comment with this id, if the page shows it. */
export function onPage(id) {
  return document.getElementById(`comment-${id}`);
}

/** "1 new comment", "3 new replies". */
export function counted(number, noun) {
  const nouns = { comment: ["new comment", "new comments"], reply: ["new reply", "new replies"] }[noun];
  return `${number.toLocaleString("en")} ${nouns[number === 1 ? 0 : 1]}`;
}

/** "Show 6 more replies" says so of one more, or one less; a link without a number stays as it is. */
function countMore(link, step) {
  const now = Number(/[\d,]+/.exec(link.textContent)?.[0].replaceAll(",", ""));
  if (now + step > 0) link.textContent = `Show ${(now + step).toLocaleString("en")} more ${now + step === 1 ? "reply" : "replies"}`;
}

function label(button, number, noun) {
  const words = counted(number, noun);
  if (button.textContent !== words) button.textContent = words;
}

function pill(className, press) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = className;
  button.addEventListener("click", async () => {
    if (button.getAttribute("aria-busy")) return;
    button.setAttribute("aria-busy", "true");
    await press();
    button.removeAttribute("aria-busy");
  });
  return button;
}
