/* A place for a card that covers nothing of what it points at. */

const GAP = 12;

const overlap = (a, b) => Math.max(0, Math.min(a.right, b.right) - Math.max(a.left, b.left))
  * Math.max(0, Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top));

function distance(a, b) {
  const x = Math.max(0, b.left - a.right, a.left - b.right);
  const y = Math.max(0, b.top - a.bottom, a.top - b.bottom);
  return Math.hypot(x, y);
}

/* size: of the card; targets: boxes, the most important one first; room: width, height, and the top that is kept free. The
 * place beside the targets that covers least of them, and of those the nearest to the first. */
export function placeBeside(size, targets, room) {
  const right = room.width - size.width - GAP;
  const bottom = room.height - size.height - GAP;
  const highest = Math.max(GAP, Math.min(room.top + GAP, bottom));
  const within = (value, least, most) => Math.max(least, Math.min(value, most));
  const lefts = [right, GAP, ...targets.flatMap((box) => [box.right + GAP, box.left - size.width - GAP, box.left])];
  const tops = [bottom, highest, ...targets.flatMap((box) => [box.top, box.bottom + GAP, box.top - size.height - GAP])];
  const places = lefts.flatMap((x) => tops.map((y) => {
    const [left, top] = [within(x, GAP, right), within(y, highest, bottom)];
    const box = { left, top, right: left + size.width, bottom: top + size.height };
    const covered = targets.reduce((sum, target) => sum + overlap(box, target), 0);
    return { left, top, covered, away: targets.length ? distance(box, targets[0]) : 0 };
  }));
  return places.reduce((best, one) => (
    one.covered < best.covered || (one.covered === best.covered && one.away < best.away) ? one : best));
}
