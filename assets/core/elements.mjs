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
