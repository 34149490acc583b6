/* Random numbers as NumPy draws them, number by number: SeedSequence, PCG64 and the ziggurat of its normal distribution.
 *
 * Trajectory b of seed s has three streams, as in hmmrnn/model/simulation.py. Nothing here knows of pages or networks.
 */

export const NOISE = 0;
export const EMISSION = 1;
export const START = 2;
const POOL = 4;

/* (4 words) what NumPy's SeedSequence(seed, spawn_key=key).generate_state makes of its entropy. */
function seedWords(seed, key, count) {
  const words = [];
  for (let rest = seed; rest > 0; rest = Math.floor(rest / 2 ** 32)) words.push(rest >>> 0);
  while (words.length < POOL) words.push(0);
  words.push(...key);
  let constant = 0x43b0d7e5;
  const hashed = (value) => {
    let mixed = value ^ constant;
    constant = Math.imul(constant, 0x931e8875);
    mixed = Math.imul(mixed, constant);
    return mixed ^ (mixed >>> 16);
  };
  const joined = (x, y) => {
    const both = (Math.imul(0xca01f9dd, x) - Math.imul(0x4973f715, y)) | 0;
    return both ^ (both >>> 16);
  };
  const pool = words.slice(0, POOL).map(hashed);
  for (let from = 0; from < POOL; from++) {
    for (let to = 0; to < POOL; to++) if (from !== to) pool[to] = joined(pool[to], hashed(pool[from]));
  }
  words.slice(POOL).forEach((word) => {
    for (let to = 0; to < POOL; to++) pool[to] = joined(pool[to], hashed(word));
  });
  constant = 0x8b51f9dd;
  return Array.from({ length: count }, (_, i) => {
    let value = pool[i % POOL] ^ constant;
    constant = Math.imul(constant, 0x58f38ded);
    value = Math.imul(value, constant);
    return (value ^ (value >>> 16)) >>> 0;
  });
}

/* The ziggurat of the normal distribution: 256 layers of equal area, the lowest one with the tail beyond RIGHT. */
const LAYERS = 256;
const RIGHT = 3.6541528853610088;
const AREA = 0.004928673233974655;
const SCALE = 2 ** 52;
const EDGE = new Float64Array(LAYERS);
const WIDTH = new Float64Array(LAYERS);
const HEIGHT = new Float64Array(LAYERS);

(function build() {
  const density = (x) => Math.exp(-0.5 * x * x);
  const x = new Float64Array(LAYERS);
  x[LAYERS - 1] = RIGHT;
  for (let i = LAYERS - 1; i > 1; i--) x[i - 1] = Math.sqrt(-2 * Math.log(AREA / x[i] + density(x[i])));
  const base = AREA / density(RIGHT);
  WIDTH[0] = base / SCALE;
  EDGE[0] = (RIGHT / base) * SCALE;
  HEIGHT[0] = 1;
  for (let i = 1; i < LAYERS; i++) {
    WIDTH[i] = x[i] / SCALE;
    EDGE[i] = (x[i - 1] / x[i]) * SCALE;
    HEIGHT[i] = density(x[i]);
  }
}());

/* The multiplier of the generator, in words of 32 bits, lowest first, and in halves of them. */
const M0 = 0x9fccf645;
const M1 = 0x4385df64;
const M2 = 0x1fc65da4;
const M3 = 0x2360ed05;
const M0_LOW = M0 & 0xffff;
const M0_HIGH = M0 >>> 16;
const M1_LOW = M1 & 0xffff;
const M1_HIGH = M1 >>> 16;
const M2_LOW = M2 & 0xffff;
const M2_HIGH = M2 >>> 16;

/* The upper 32 bits of the product of a and the word with these halves. */
function upper(a, low, high) {
  const aLow = a & 0xffff;
  const aHigh = a >>> 16;
  const first = (Math.imul(aHigh, low) + (Math.imul(aLow, low) >>> 16)) >>> 0;
  const second = (Math.imul(aLow, high) + (first & 0xffff)) >>> 0;
  return (Math.imul(aHigh, high) + (first >>> 16) + (second >>> 16)) >>> 0;
}

/* One stream of random numbers, the same as NumPy's Generator(PCG64(SeedSequence(seed, spawn_key=(purpose, trajectory)))). */
export class Stream {
  constructor(seed, purpose, trajectory) {
    const words = seedWords(seed, [purpose, trajectory], 8);
    /* State and increment, lowest word first; then the two words of the last number, lower one first. */
    this.s = new Uint32Array(10);
    const s = this.s;
    const increment = [words[6], words[7], words[4], words[5]];
    for (let i = 3; i > 0; i--) s[4 + i] = (increment[i] << 1) | (increment[i - 1] >>> 31);
    s[4] = (increment[0] << 1) | 1;
    this.advance();
    let carry = 0;
    [words[2], words[3], words[0], words[1]].forEach((word, i) => {
      const sum = s[i] + word + carry;
      s[i] = sum;
      carry = sum > 0xffffffff ? 1 : 0;
    });
    this.advance();
  }

  /* state = state * multiplier + increment, modulo 2^128 */
  advance() {
    const s = this.s;
    const a0 = s[0];
    const a1 = s[1];
    const a2 = s[2];
    const a3 = s[3];
    let sum = (Math.imul(a0, M0) >>> 0) + s[4];
    s[0] = sum;
    sum = (sum > 0xffffffff ? 1 : 0) + upper(a0, M0_LOW, M0_HIGH) + (Math.imul(a0, M1) >>> 0)
      + (Math.imul(a1, M0) >>> 0) + s[5];
    s[1] = sum;
    sum = Math.floor(sum / 4294967296) + upper(a0, M1_LOW, M1_HIGH) + upper(a1, M0_LOW, M0_HIGH)
      + (Math.imul(a0, M2) >>> 0) + (Math.imul(a1, M1) >>> 0) + (Math.imul(a2, M0) >>> 0) + s[6];
    s[2] = sum;
    s[3] = Math.floor(sum / 4294967296) + upper(a0, M2_LOW, M2_HIGH) + upper(a1, M1_LOW, M1_HIGH)
      + upper(a2, M0_LOW, M0_HIGH) + (Math.imul(a0, M3) >>> 0) + (Math.imul(a1, M2) >>> 0)
      + (Math.imul(a2, M1) >>> 0) + (Math.imul(a3, M0) >>> 0) + s[7];
  }

  /* The next 64 bits, into s[8] (lower half) and s[9]. */
  draw() {
    this.advance();
    const s = this.s;
    const turn = s[3] >>> 26;
    const low = s[2] ^ s[0];
    const high = s[3] ^ s[1];
    const by = turn & 31;
    /* Without branches, which no processor could foresee here: by 32 or more, the halves change places. */
    const swap = -(turn >>> 5);
    const first = (low & ~swap) | (high & swap);
    const second = (high & ~swap) | (low & swap);
    s[8] = (first >>> by) | ((second << 1) << (31 - by));
    s[9] = (second >>> by) | ((first << 1) << (31 - by));
  }

  /* Uniform on [0, 1), of 53 bits. */
  uniform() {
    this.draw();
    return (this.s[9] * 2097152 + (this.s[8] >>> 11)) / 9007199254740992;
  }

  /* Standard normal. */
  normal() {
    const s = this.s;
    for (;;) {
      this.draw();
      const low = s[8];
      const high = s[9];
      const layer = low & 0xff;
      const size = ((high >>> 9) & 0xfffff) * 4294967296 + (((high << 23) | (low >>> 9)) >>> 0);
      const x = (1 - ((low >>> 7) & 2)) * size * WIDTH[layer];
      if (size < EDGE[layer]) return x;
      if (layer === 0) return this.tail((low >>> 17) & 1);
      if ((HEIGHT[layer - 1] - HEIGHT[layer]) * this.uniform() + HEIGHT[layer] < Math.exp(-0.5 * x * x)) return x;
    }
  }

  tail(negative) {
    for (;;) {
      const x = -Math.log1p(-this.uniform()) / RIGHT;
      const y = -Math.log1p(-this.uniform());
      if (y + y > x * x) return negative ? -(RIGHT + x) : RIGHT + x;
    }
  }
}
