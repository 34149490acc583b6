/* Numbers in words. */

/* A count and what is counted: "1 run", "1,000 runs". */
export const counted = (count, noun) => `${Math.round(count).toLocaleString("en")} ${noun}${Math.round(count) === 1 ? "" : "s"}`;
