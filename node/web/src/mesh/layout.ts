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

const margin = { x: 84, y: 56 };
const cell = { width: 132, height: 96 };

/** On a circle, by device id and beginning at the top; in rows where there are too many for one. */
export function layOut(devices: readonly string[]): Layout {
  const order = [...devices].sort();
  const nodes = new Map<string, Placed>();
  if (order.length > circleMax) {
    const columns = Math.ceil(Math.sqrt(order.length * 1.4));
    order.forEach((device, index) => {
      const x = (index % columns) * cell.width + cell.width / 2;
      const y = Math.floor(index / columns) * cell.height + cell.height / 2;
      nodes.set(device, { device, x, y });
    });
    const rows = Math.ceil(order.length / columns);
    return { width: columns * cell.width, height: rows * cell.height, shape: "grid", nodes };
  }
  // As much arc between neighbours as their names need; an ellipse, as windows are wider than high.
  const radius = order.length === 1 ? 0 : Math.max(96, (order.length * 74) / (2 * Math.PI));
  const [rx, ry] = [radius * 1.35, radius];
  const width = 2 * (rx + margin.x);
  const height = 2 * (ry + margin.y);
  order.forEach((device, index) => {
    const angle = (2 * Math.PI * index) / order.length - Math.PI / 2;
    // Rounded: a whole pixel is sharp, and the same on every machine.
    const x = Math.round(width / 2 + rx * Math.cos(angle));
    const y = Math.round(height / 2 + ry * Math.sin(angle));
    nodes.set(device, { device, x, y });
  });
  return { width: Math.round(width), height: Math.round(height), shape: "circle", nodes };
}

/** Where between two nodes a word about their link stands: off the middle, where all lines cross. */
export function labelAt(a: Placed, b: Placed): { x: number; y: number } {
  const part = 0.38;
  return { x: Math.round(a.x + (b.x - a.x) * part), y: Math.round(a.y + (b.y - a.y) * part) };
}
