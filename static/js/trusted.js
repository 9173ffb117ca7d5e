// The one place where text becomes elements. Browsers refuse it everywhere else (Trusted Types, see the policy in
// core/rendering.py), so a slip in a module cannot turn somebody's words into a script. What comes here was made by our
// server, which has cleaned it.

const policy = globalThis.trustedTypes?.createPolicy("server-markup", { createHTML: (markup) => markup });

/** The elements of markup that our server sent. */
export function elements(markup) {
  return document.createRange().createContextualFragment(policy ? policy.createHTML(markup) : markup);
}
