/* The scenario of this page, with what was before and after it. It alone changes the scenario; who follows hears of it. */

import { link } from "./link.mjs";
import { same } from "./scenario.mjs";

const KEY = "hmmrnn-history";
const LENGTH = 200;
const GESTURE_MS = 1000;
/* What scenarios that an earlier version kept may lack. */
const whole = ({ tab, ...rest }) => ({ large: null, input: null, sequence: null, start: "zero", ...rest });

export class Store {
  /* storage: of the session; tell: ({before, now, ...how}) => void, after each change; refuse: (sentence) => void, instead
   * of a change; longest: () => characters that a link may have; clock: () => ms. */
  constructor({ storage, tell, refuse = (_words) => {}, longest = () => Infinity, clock = Date.now }) {
    this.storage = storage;
    this.refuse = refuse;
    this.longest = longest;
    this.tell = tell;
    this.clock = clock;
    this.present = null;
    this.past = [];
    this.future = [];
    this.gesture = null;
    this.gestureAt = 0;
    this.held = false;
    this.forgotten = false;
    /* What networks were called here before they were renamed: {before: now}. */
    this.names = {};
  }

  /* The first scenario, that of a link. The history of an earlier visit comes back if it ended there. */
  open(scenario) {
    const kept = JSON.parse(this.storage.getItem(KEY) || "null");
    /* By their links: what a link rounds or leaves out makes no other scenario. */
    if (kept && link(whole(kept.present)) === link(scenario)) {
      this.past = kept.past.map(whole);
      this.future = kept.future.map(whole);
    }
    this.show(scenario, { replaceAddress: true });
  }

  /** `gesture` names a drag: its steps are one change in the history, however long it pauses between them. Keys have no
   * end that could be seen; there a pause is one. `how` goes to those who follow.
   * @param {any} next
   * @param {{gesture?: string | null, from?: string, path?: string}} options */
  change(next, { gesture = null, ...how } = {}) {
    if (!this.present || same(next, this.present)) return;
    const length = link(next).length - 1;
    if (length > this.longest()) {
      this.refuse(`This change would make a link of ${length} characters; expected at most ${this.longest()}. Act on fewer neurons, or put those that share a gain into one intervention.`);
      return;
    }
    const goesOn = this.held || this.clock() - this.gestureAt < GESTURE_MS;
    const continues = gesture !== null && gesture === this.gesture && goesOn;
    if (!continues) this.past = [...this.past, this.present].slice(-LENGTH);
    this.gesture = gesture;
    this.gestureAt = this.clock();
    this.future = [];
    this.show(next, { ...how, replaceAddress: continues });
  }

  /* A change that could not be undone, as another card that is enlarged: then undo would not undo what was done. */
  look(fields) {
    this.show({ ...this.present, ...fields }, { replaceAddress: true });
  }

  /* So many changes back (below zero) or on again. */
  jump(offset) {
    const [from, to] = offset < 0 ? ["past", "future"] : ["future", "past"];
    const steps = Math.min(Math.abs(offset), this[from].length);
    if (!steps) return;
    const passed = this[from].slice(this[from].length - steps).reverse();
    this[from] = this[from].slice(0, -steps);
    this[to] = [...this[to], this.present, ...passed.slice(0, -1)];
    this.gesture = null;
    this.show({ ...passed[passed.length - 1], large: this.present.large }, {});
  }

  /* A history that was kept elsewhere; what was here before can be had again by going back. */
  restore({ past, present, future }) {
    this.past = [...this.past, this.present, ...past].slice(-LENGTH);
    this.future = [...future].reverse().slice(-LENGTH);
    this.gesture = null;
    this.show(present, {});
  }

  /* Where the browser's own "back" leads; its address is there already, but for that of a network with another name now. */
  arrive(kept) {
    const scenario = this.named(kept);
    if (this.present) this.past = [...this.past, this.present].slice(-LENGTH);
    this.future = [];
    this.gesture = null;
    this.show(scenario, scenario === kept ? { keepAddress: true } : { replaceAddress: true });
  }

  /* What cannot be shown is taken back, and is no change. */
  takeBack(scenario) {
    this.past = this.past.slice(0, -1);
    this.gesture = null;
    this.show(scenario, { replaceAddress: true });
  }

  /* A network has another name from now on, in all that undo and redo reach: that is no change. */
  rename(from, to) {
    delete this.names[to];
    this.names[from] = to;
    const named = (scenario) => this.named(scenario);
    [this.past, this.future] = [this.past.map(named), this.future.map(named)];
    if (this.present?.model === from) this.show(named(this.present), { replaceAddress: true });
  }

  /* A scenario of a network by the name that it has now. */
  named(scenario) {
    let { model } = scenario;
    while (this.names[model]) model = this.names[model];
    return model === scenario.model ? scenario : { ...scenario, model };
  }

  history() {
    return { past: this.past, present: this.present, future: [...this.future].reverse() };
  }

  /* A pointer is down: what it drags is one gesture. */
  hold(held) {
    this.held = held;
    if (held) this.gesture = null;
    else {
      this.gestureAt = this.clock();
      if (this.forgotten) this.remember();
    }
  }

  show(next, how) {
    const before = this.present;
    this.present = next;
    /* The steps of a drag come fast; the storage gets the last one. */
    if (this.held && how.replaceAddress) this.forgotten = true;
    else this.remember();
    this.tell({ before, now: next, ...how });
  }

  remember() {
    const { past, present, future } = this;
    this.forgotten = false;
    try {
      this.storage.setItem(KEY, JSON.stringify({ past, present, future }));
    } catch (error) {
      /* Storage is full or forbidden: undo still works until the page is reloaded. */
      if (!(error instanceof DOMException)) throw error;
    }
  }
}
