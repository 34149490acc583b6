/* The corners of an area of a plane, [x, y, x, y, ...]: of a box, of a lasso, of an ellipse. */

const MOST_CORNERS = 60;
const ELLIPSE_CORNERS = 16;

/* As a link has them. */
const rounded = (corners) => corners.map((value) => Math.round(value * 1e4) / 1e4);

/* Of what Plotly says was selected; null where it is no area. */
export function cornersOf({ range, lassoPoints }) {
  const corners = range ? boxCorners(range) : lassoPoints && lassoCorners(lassoPoints);
  return corners && corners.length >= 6 ? rounded(corners) : null;
}

const boxCorners = ({ x: [x0, x1], y: [y0, y1] }) => [x0, y0, x1, y0, x1, y1, x0, y1];

/* Evenly chosen from what was drawn, so that the link stays short. */
function lassoCorners({ x, y }) {
  const count = Math.min(x.length, MOST_CORNERS);
  return Array.from({ length: count }, (_, i) => Math.floor((i * x.length) / count)).flatMap((i) => [x[i], y[i]]);
}

/* Around a place, of these radii across and up. */
export const ellipse = ([x, y], [across, up]) => rounded(
  Array.from({ length: ELLIPSE_CORNERS }, (_, i) => (2 * Math.PI * i) / ELLIPSE_CORNERS).flatMap((angle) => [
    x + across * Math.cos(angle), y + up * Math.sin(angle)]));
