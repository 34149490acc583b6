/* What is aimed at stays where it is: cards grow and shrink as their answers come, and those below them would move. */

import { on } from "../core/events.mjs";

const CARDS = ":scope > .card:not([hidden])";
/* The card that the tour tells of, that under the pointer, that with the focus. */
const AIMED = [".tour-target", ":hover", ":focus-within"];
const topOf = (card) => card.getBoundingClientRect().top;

export class Steady {
  constructor(main) {
    this.main = main;
    this.kept = null;
    this.height = null;
    /* Where the chapter is while no card has its room, and where it is to be once a card has given it back. */
    this.place = 0;
    this.isLarge = false;
    this.back = null;
  }

  /* Of the cards in sight the one that is aimed at, else the first. */
  aimed() {
    const seen = this.main.getBoundingClientRect();
    const isInSight = (card) => {
      const { top, bottom } = card.getBoundingClientRect();
      return bottom > seen.top && top < seen.bottom;
    };
    const cards = [...this.main.querySelectorAll(CARDS)].filter(isInSight);
    const first = [...cards].sort((one, other) => topOf(one) - topOf(other))[0];
    return AIMED.map((how) => cards.find((card) => card.matches(how))).find(Boolean) ?? first;
  }

  /* Not if heights have changed already: the event of the pointer comes before that of the heights. */
  note() {
    if (!this.isLarge && this.back === null) this.place = this.main.scrollTop;
    if (this.height === null || this.height === this.main.scrollHeight) this.take();
  }

  take() {
    const card = this.aimed();
    this.kept = card ? { card, top: topOf(card) } : null;
    this.height = this.main.scrollHeight;
  }

  /* The heights of cards have changed. */
  restore() {
    if (this.back !== null) {
      this.main.scrollTop = this.back;
      this.back = null;
    } else if (this.kept && !this.kept.card.hidden) this.main.scrollTop += topOf(this.kept.card) - this.kept.top;
    this.take();
  }

  /* A card takes the room of the chapter, or gives it back. */
  enlarge(isLarge) {
    Object.assign(this, { kept: null, height: null, isLarge, back: isLarge ? null : this.place });
  }

  /* Another chapter begins at its top. */
  leave() {
    Object.assign(this, { kept: null, height: null, place: 0, back: null });
    this.main.scrollTop = 0;
  }
}

export function start() {
  const main = document.querySelector(".main");
  const steady = new Steady(main);
  const heights = new ResizeObserver(() => steady.restore());
  main.querySelectorAll(":scope > .card").forEach((card) => heights.observe(card));
  ["scroll", "pointerover", "pointerleave", "focusin"].forEach((name) => main.addEventListener(name, () => steady.note()));
  on("scenario", ({ before, now }) => {
    if (before && before.large !== now.large) steady.enlarge(Boolean(now.large));
  });
  on("arrived", ({ before }) => { if (before) steady.leave(); });
}
