/* The live view in a notebook: its scenario and its selection are those of the Python object, both ways. */

import { openLive } from "./saved.mjs";

/* As anywidget calls it: model holds the values that Python shares; el is to be filled. Returns what ends it. */
export function renderWidget({ model, el }) {
  const root = document.createElement("div");
  root.className = "live";
  el.append(root);
  const { view, controls } = openLive(root, model.get("shared"), model.get("worker"));
  const share = (name, value) => {
    if (JSON.stringify(model.get(name)) === JSON.stringify(value)) return;
    model.set(name, value);
    model.save_changes();
  };
  controls.onChange = (scenario) => share("scenario", scenario);
  root.addEventListener("change", () => share("selection", view.pulse.selected() || []));
  const follow = () => controls.put(model.get("scenario"));
  const choose = () => view.pulse.select(model.get("selection"));
  model.on("change:scenario", follow);
  model.on("change:selection", choose);
  choose();
  return () => {
    model.off("change:scenario", follow);
    model.off("change:selection", choose);
    view.stop();
  };
}
