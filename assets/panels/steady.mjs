/* What is aimed at stays where it is: cards grow and shrink as their answers come, and those below them would move. */

import { on } from "../core/events.mjs";

const CARDS = ":scope > .card:not([hidden])";
const topOf = (card) => card.getBoundingClientRect().top;

export class Steady {
  constructor(main) {
    this.main = main;
    this.kept = null;
  }

  /* The card under the pointer, else that with the focus where it is in sight, else the first one in sight. */
  aimed() {
    const seen = this.main.getBoundingClientRect();
    const isInSight = (card) => {
      const { top, bottom } = card.getBoundingClientRect();
      return bottom > seen.top && top < seen.bottom;
    };
    const cards = [...this.main.querySelectorAll(CARDS)].filter(isInSight);
    const first = [...cards].sort((one, other) => topOf(one) - topOf(other))[0];
    return cards.find((card) => card.matches(":hover")) ?? cards.find((card) => card.matches(":focus-within")) ?? first;
  }

  note() {
    const card = this.aimed();
    this.kept = card ? { card, top: topOf(card) } : null;
  }

  /* The heights of cards have changed. */
  restore() {
    if (this.kept && !this.kept.card.hidden) this.main.scrollTop += topOf(this.kept.card) - this.kept.top;
    this.note();
  }

  /* Another chapter begins at its top. */
  leave() {
    this.kept = null;
    this.main.scrollTop = 0;
  }
}

export function start() {
  const main = document.querySelector(".main");
  const steady = new Steady(main);
  const heights = new ResizeObserver(() => steady.restore());
  main.querySelectorAll(":scope > .card").forEach((card) => heights.observe(card));
  ["scroll", "pointerover", "pointerleave", "focusin"].forEach((name) => main.addEventListener(name, () => steady.note()));
  on("arrived", ({ before }) => { if (before) steady.leave(); });
}
