/** Numbers in [0, 1) that depend on `seed` only (mulberry32). */
export function randomFrom(seed) {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  return {
    next,
    /** A whole number from 0 to `end` - 1. */
    below: (end) => Math.floor(next() * end),
    bytes: (count) => Uint8Array.from({ length: count }, () => Math.floor(next() * 256)),
    /** `count` sorted whole numbers from `from` to `to` - 1. */
    moments: (count, from, to) =>
      Array.from({ length: count }, () => from + Math.floor(next() * (to - from))).sort((a, b) => a - b),
  };
}
