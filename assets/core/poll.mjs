/* Polling: a question that is asked again until there is nothing more to learn. One answer counts, that to the last one. */

import { apply } from "./dash.mjs";
import { ask } from "./net.mjs";

/* A request that was lost on its way is given up after so long, and made again. */
const PATIENCE_MS = 15_000;
const AGAIN_S = 1;

export class Poll {
  /* question: () => {path, body}, or null while nothing is to be asked; take: (answer, body) => seconds until it is asked
   * again, or null for not at all. While the page is hidden, nothing is asked. */
  constructor({ question, take }) {
    this.question = question;
    this.take = take;
    this.turn = 0;
    this.timer = null;
    this.asking = false;
    this.late = false;
    document.addEventListener("visibilitychange", () => { if (!document.hidden && this.late) this.ask(); });
  }

  async ask() {
    window.clearTimeout(this.timer);
    this.late = document.hidden;
    const asked = this.late ? null : this.question();
    if (!asked) return;
    this.turn += 1;
    const { turn } = this;
    this.asking = true;
    const answer = await ask(asked.path, asked.body, AbortSignal.timeout(PATIENCE_MS));
    if (turn !== this.turn) return;
    this.asking = false;
    let seconds = AGAIN_S;
    try {
      if (answer) seconds = this.take(answer, asked.body);
    } catch (error) {
      /* What could not be shown once must not end the watch. */
      window.reportError(error);
    }
    if (seconds !== null) this.timer = window.setTimeout(() => this.ask(), 1000 * seconds);
  }

  /* What is on its way does not count any more. */
  rest() {
    window.clearTimeout(this.timer);
    this.turn += 1;
    this.asking = false;
  }
}

/* A page whose parts have stamps: the server sends those that have changed, and says in how many seconds to ask again. */
export class WatchedPage extends Poll {
  /* question: as of a Poll, without `seen`; unknown: (sentence) => void, where there is no such thing; shown: () => void. */
  constructor({ question, unknown, shown }) {
    super({
      question: () => {
        const asked = question();
        return asked && { ...asked, body: { ...asked.body, seen: this.seen } };
      },
      take: (answer) => {
        if (answer.unknown || answer.refused) {
          unknown(answer.unknown || answer.refused);
          return null;
        }
        Object.entries(answer.parts).forEach(([name, part]) => {
          apply(part.updates.filter((update) => !this.gather(update)));
          this.seen[name] = part.stamp;
        });
        this.applyBlocks();
        shown();
        return answer.again;
      },
    });
    this.seen = {};
    this.blocks = {};
    this.counts = {};
    this.changed = new Set();
  }

  /* Whether an update is a block of the rows of a table; it is then kept until all blocks of the answer are there. */
  gather([id, props]) {
    const rows = props.rowData;
    if (!rows || Array.isArray(rows)) return false;
    const kept = this.blocks[id] || [];
    kept[rows.block] = rows.items;
    this.blocks[id] = kept;
    /* Blocks beyond these are of a longer table, which may be shown again: the server knows that they are here. */
    this.counts[id] = rows.of;
    this.changed.add(id);
    return true;
  }

  /* A table is set once, whatever number of its blocks has changed. */
  applyBlocks() {
    apply([...this.changed].map((id) => [id, { rowData: this.blocks[id].slice(0, this.counts[id]).flat() }]));
    this.changed.clear();
  }
}
