/* Elements of the page, each made in one expression. */

/* An element with properties, attributes (named with a dash or as a string) and children. */
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  Object.entries(properties).forEach(([name, value]) => {
    if (name.includes("-") || name === "role" || name === "for") element.setAttribute(name, value);
    else element[name] = value;
  });
  element.append(...children);
  return element;
}

/* A browser may read a file only some time after the click that saves it. */
const READ_MS = 60_000;

/* Save a file on the user's machine. */
export function download(name, content) {
  const href = URL.createObjectURL(content);
  make("a", { href, download: name }).click();
  window.setTimeout(() => URL.revokeObjectURL(href), READ_MS);
}

const CONTROLS = "button, input, select, textarea, summary, a[href]";
const nameOf = (control) => control.id || control.getAttribute("aria-label") || control.textContent;

/* Fill a part of the page anew while it is used: the focus stays on the control of the same name, or else on the one in
 * its place, or the next that can be used. */
export function keepFocus(root, fill) {
  const controls = () => [...root.querySelectorAll(CONTROLS)];
  const used = document.activeElement;
  const at = controls().indexOf(used);
  fill();
  const now = controls();
  if (at < 0 || now.includes(used)) return;
  const usable = (some) => some.filter((control) => !control.disabled);
  (usable(now).find((control) => nameOf(control) === nameOf(used)) ?? usable(now.slice(at))[0] ?? usable(now).at(-1))?.focus();
}
