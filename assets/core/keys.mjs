/* Keys of the whole page: undo and redo. Others belong to the parts that they act on. */

import { store } from "./page.mjs";
import { isInChapter } from "./router.mjs";

export const isTyping = (target) => target.matches("textarea, input:not([readonly], [type=checkbox], [type=radio], [type=range])");

export function startKeys() {
  window.addEventListener("keydown", (event) => {
    if (!(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== "z" || isTyping(event.target) || !isInChapter()) return;
    event.preventDefault();
    store.jump(event.shiftKey ? 1 : -1);
  });
}
