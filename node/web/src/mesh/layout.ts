// Where nodes stand in the picture: always the same for the same nodes, so that it does not jump.

export interface Placed {
  device: string;
  x: number;
  y: number;
}

export interface Layout {
  width: number;
  height: number;
  shape: "circle" | "grid";
  nodes: Map<string, Placed>;
}

export const circleMax = 24;

/** For the circles, and the names below them. */
const margin = { x: 76, top: 32, bottom: 64 };
const cell = { width: 132, height: 104 };

/** On a circle, by device id and beginning at the top; in rows where there are too many for one. */
export function layOut(devices: readonly string[]): Layout {
  const order = [...devices].sort();
  const nodes = new Map<string, Placed>();
  if (order.length > circleMax) {
    const columns = Math.ceil(Math.sqrt(order.length * 1.4));
    order.forEach((device, index) => {
      const x = (index % columns) * cell.width + cell.width / 2;
      const y = Math.floor(index / columns) * cell.height + margin.top;
      nodes.set(device, { device, x, y });
    });
    const rows = Math.ceil(order.length / columns);
    return { width: columns * cell.width, height: rows * cell.height, shape: "grid", nodes };
  }
  // As much arc between neighbours as their names need; an ellipse, as windows are wider than high.
  const radius = order.length === 1 ? 0 : Math.max(order.length > 3 ? 150 : 118, (order.length * 74) / (2 * Math.PI));
  const angles = order.map((_, index) => (2 * Math.PI * index) / order.length - Math.PI / 2);
  const points = angles.map((angle) => ({ x: radius * 1.4 * Math.cos(angle), y: radius * Math.sin(angle) }));
  // Only as large as what is drawn: three stand in the upper part of their circle.
  const left = Math.min(...points.map(({ x }) => x)) - margin.x;
  const top = Math.min(...points.map(({ y }) => y)) - margin.top;
  const width = Math.max(...points.map(({ x }) => x)) + margin.x - left;
  const height = Math.max(...points.map(({ y }) => y)) + margin.bottom - top;
  order.forEach((device, index) => {
    const { x, y } = points[index] as (typeof points)[number];
    // Rounded: a whole pixel is sharp, and the same on every machine.
    nodes.set(device, { device, x: Math.round(x - left), y: Math.round(y - top) });
  });
  return { width: Math.round(width), height: Math.round(height), shape: "circle", nodes };
}

/** Where between two nodes a word about their link stands: off the middle, where all lines cross. */
export function labelAt(a: Placed, b: Placed): { x: number; y: number } {
  const part = 0.38;
  return { x: Math.round(a.x + (b.x - a.x) * part), y: Math.round(a.y + (b.y - a.y) * part) };
}
