// Where comments go in the nested lists: the same places that the server gives them.

const INDENT_LEVELS = 3;

function level(item) {
  let depth = -1;
  for (let list = item.closest("ol.comments"); list; list = list.parentElement.closest("ol.comments")) depth += 1;
  return depth;
}

const commentIn = (item) => item.querySelector(":scope > .comment");
const number = (comment) => Number(comment.id.replace(/\D/g, ""));
const ANSWERS_FIRST = 2 ** 31; // more than any comment's number: answers stand under the question, before other replies
const rank = (comment) => number(comment) - ("answer" in comment.dataset ? ANSWERS_FIRST : 0);

/** Whether a comment stands below another one, where the lists no longer tell. */
function isBelow(comment, other) {
  for (let at = comment; at; at = document.getElementById(`comment-${at.dataset.parent}`)) if (at === other) return true;
  return false;
}

/** The item that a reply goes before: a later reply to the same parent, or what follows its branch; else null. */
function following(comment, parent, first) {
  for (let item = first; item; item = item.nextElementSibling) {
    const other = commentIn(item);
    if (!other || !isBelow(other, parent)) return item;
    if (other.dataset.parent === comment.dataset.parent && rank(other) > rank(comment)) return item;
  }
  return null;
}

/** Puts a reply among the replies to its parent by age; where the indentation ends, they stand behind the parent. */
export function place(comment, parent) {
  const item = document.createElement("li");
  item.append(comment);
  const above = parent.closest("li");
  if (level(above) >= INDENT_LEVELS) {
    above.parentElement.insertBefore(item, following(comment, parent, above.nextElementSibling));
    return;
  }
  let list = above.querySelector(":scope > ol.comments");
  if (!list) {
    list = document.createElement("ol");
    list.className = "comments";
    parent.after(list);
  }
  list.insertBefore(item, following(comment, parent, list.firstElementChild));
}

/** Puts a new comment first in a list of the page. */
export function placeOwn(item, listId) {
  const list = document.getElementById(listId) ?? document.querySelector("ol.comments");
  list?.prepend(item);
}
