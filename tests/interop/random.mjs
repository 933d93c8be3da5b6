// Choices that follow from a seed alone, for sessions that can be replayed.

export const random = (seed) => {
  let state = seed >>> 0
  const next = () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return (t ^ (t >>> 14)) >>> 0
  }
  const below = (n) => next() % n
  return { below, chance: (percent) => below(100) < percent, pick: (list) => list[below(list.length)] }
}
