/* What is aimed at stays where it is while cards above it change their height. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { Steady } from "../../assets/panels/steady.mjs";

const SEEN = 500;

/* A chapter of cards with these heights, one below the other, of which the tour may tell of one, one be pointed at and one have the focus. */
function chapter(heights, { told, hover, focus } = {}) {
  const main = { scrollTop: 0, getBoundingClientRect: () => ({ top: 0, bottom: SEEN }),
    get scrollHeight() { return heights.reduce((sum, height) => sum + height, 0); } };
  const cards = heights.map((_, i) => ({
    hidden: false,
    matches: (what) => i === { ".tour-target": told, ":hover": hover, ":focus-within": focus }[what],
    getBoundingClientRect: () => {
      const top = heights.slice(0, i).reduce((sum, height) => sum + height, 0) - main.scrollTop;
      return { top, bottom: top + heights[i] };
    },
  }));
  main.querySelectorAll = () => cards.filter(({ hidden }) => !hidden);
  return { main, cards, heights, steady: new Steady(main), top: (i) => cards[i].getBoundingClientRect().top };
}

test("the card that is pointed at stays where it is, whatever becomes of those above it", () => {
  const { main, heights, steady, top } = chapter([400, 400, 400, 400], { hover: 2, focus: 1 });
  main.scrollTop = 600;
  steady.note();
  heights.splice(0, 2, 80, 900);
  steady.restore();
  assert.equal(top(2), 200);
  heights[1] = 400;
  /* The event of the pointer, which is over another card now, comes before that of the heights. */
  steady.note();
  steady.restore();
  assert.equal(top(2), 200);
});

test("the card that the tour tells of comes before the one that is pointed at", () => {
  const { main, heights, steady, top } = chapter([400, 400, 400, 400], { told: 2, hover: 1 });
  main.scrollTop = 600;
  steady.note();
  heights[1] = 900;
  steady.restore();
  assert.equal(top(2), 200);
});

test("without a pointer it is the card with the focus, and the first in sight where that is out of it", () => {
  [[1, 1], [3, 0]].forEach(([focus, stays]) => {
    const { main, heights, steady, top } = chapter([400, 400, 400, 400], { focus });
    main.scrollTop = 100;
    steady.note();
    const before = top(stays);
    heights[0] = 80;
    steady.restore();
    assert.equal(top(stays), before, `card ${stays}`);
  });
});

test("another chapter begins at its top, and a card that is hidden moves nothing", () => {
  const { main, cards, heights, steady } = chapter([400, 400, 400], { hover: 1 });
  main.scrollTop = 300;
  steady.note();
  cards[1].hidden = true;
  heights[0] = 900;
  steady.restore();
  assert.equal(main.scrollTop, 300);
  steady.leave();
  heights[0] = 100;
  steady.restore();
  assert.equal(main.scrollTop, 0);
});

test("a chapter is where it was when a card that had its room gives it back", () => {
  const { main, cards, heights, steady, top } = chapter([400, 400, 400, 400], { hover: 1 });
  main.scrollTop = 250;
  steady.note();
  steady.enlarge(true);
  [0, 2, 3].forEach((i) => { cards[i].hidden = true; heights[i] = 0; });
  main.scrollTop = 0;
  steady.restore();
  steady.note();
  steady.enlarge(false);
  [0, 2, 3].forEach((i) => { cards[i].hidden = false; heights[i] = 400; });
  steady.note();
  steady.restore();
  assert.equal(main.scrollTop, 250);
  heights[0] = 80;
  steady.restore();
  assert.equal(top(1), 150, "from then on it stays where it is");
});
