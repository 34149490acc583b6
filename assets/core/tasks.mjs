/* Tasks: the views that a worker computes. Requested once the scenario has settled where they are shown, polled while they
 * are, cancelled. A task that this page no longer waits for is left; it goes on while another page requests it. */

import { address } from "./configuration.mjs";
import { apply } from "./dash.mjs";
import { emit, on } from "./events.mjs";
import { Poll } from "./poll.mjs";
import { present, sayRefusal, scheme, viewsOf } from "./page.mjs";
import { isFresh, keyOf, markShown, rests, subjectOf } from "./requests.mjs";
import { shownViews } from "./router.mjs";

const POLL_S = 0.7;
/* Of the tasks that this page began and does not show, so many go on. */
const MOST_UNWATCHED = 1;
/* A chapter with more tasks requests those whose card is in sight, or will be with the next turn of the wheel: a server
 * lets one user wait for so many only. */
const MANY = 4;
const MARGIN = "300px 0px";

const lines = {};
const inSight = new Set();

class Line {
  constructor(view) {
    this.view = view;
    this.key = "";
    this.of = null;
    this.unfinished = false;
    this.cancelled = null;
    this.wanted = true;
    this.again = false;
    this.at = 0;
    this.left = [];
    this.poll = new Poll({ question: () => this.question(), take: (answer) => this.take(answer) });
  }

  get isShown() {
    return Boolean(present()) && shownViews().includes(this.view);
  }

  /* Whether the user looks at it; in a chapter of few tasks, always. */
  get isLookedAt() {
    const tasks = shownViews().filter((view) => view in lines);
    return this.isShown && (tasks.length <= MANY || !window.IntersectionObserver || inSight.has(this.view));
  }

  get isOfNow() {
    return this.of === keyOf(this.view);
  }

  /* What was cancelled stays so until the subject is another one, in other colours too. */
  request({ again = false } = {}) {
    const wanted = this.cancelled !== subjectOf(this.view);
    if (wanted) this.cancelled = null;
    this.left = this.unfinished && !(wanted && this.isOfNow) ? [this.key, ...leaveUnwatched(this)] : leaveUnwatched(this);
    Object.assign(this, { of: keyOf(this.view), wanted, again, at: Date.now(), unfinished: wanted });
    this.poll.ask();
  }

  question() {
    if (!this.isShown || !this.isOfNow) return null;
    const { view, wanted, again, left = [] } = this;
    Object.assign(this, { left: [], again: false });
    return {
      path: address("tasks"),
      body: { view, scenario: present(), theme: scheme(), leave: left, wanted, again, fresh: isFresh(view) },
    };
  }

  take(answer) {
    if (answer.refused) {
      sayRefusal(answer);
      this.unfinished = false;
      return null;
    }
    Object.assign(this, { key: answer.key, unfinished: answer.unfinished });
    if (!this.isOfNow) return null;
    apply(answer.updates);
    document.getElementById(`${this.view}-card`).classList.toggle("stale", answer.unfinished);
    if (!answer.unfinished) markShown(this.view);
    emit("drawn", [this.view]);
    return answer.unfinished ? POLL_S : null;
  }
}

function leaveUnwatched(line) {
  const unwatched = Object.values(lines)
    .filter((other) => other !== line && other.unfinished && !(other.isShown && other.isOfNow))
    .sort((a, b) => b.at - a.at).slice(MOST_UNWATCHED);
  unwatched.forEach((other) => Object.assign(other, { unfinished: false, of: null }));
  return unwatched.map((other) => other.key);
}

function requestShown() {
  if (!rests()) return;
  followSight();
  Object.values(lines).filter((line) => line.isShown).forEach((line) => {
    const isOld = !line.isOfNow;
    if (line.isLookedAt && (isOld || (line.unfinished && !line.poll.asking))) line.request();
    else if (isOld && !line.isLookedAt) document.getElementById(`${line.view}-card`)?.classList.add("stale");
  });
}

let observer = null;
const followed = new Set();

/* Follow whether cards are in sight; those that are not laid out yet are followed from a later look on. */
function followSight() {
  if (!window.IntersectionObserver) return;
  observer ??= new window.IntersectionObserver((entries) => {
    entries.forEach(({ isIntersecting, target }) => {
      const view = target.id.replace(/-card$/, "");
      if (isIntersecting) inSight.add(view);
      else inSight.delete(view);
    });
    requestShown();
  }, { rootMargin: MARGIN });
  shownViews().filter((view) => view in lines && !followed.has(view)).forEach((view) => {
    const card = document.getElementById(`${view}-card`);
    if (!card) return;
    followed.add(view);
    observer.observe(/** @type {any} */ (card));
  });
}

export function startTasks() {
  viewsOf("task").forEach((view) => { lines[view] = new Line(view); });
  ["settled", "arrived", "kick", "scheme"].forEach((name) => on(name, requestShown));
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-task]");
    const line = button && lines[button.dataset.of];
    if (!line) return;
    const isCancelled = button.dataset.task === "cancel";
    line.cancelled = isCancelled ? subjectOf(line.view) : null;
    line.request({ again: !isCancelled });
  });
}
