// Somebody at the mesh port who is no member: a process of its own, ordered about by messages.
//
//     {port, way: "flood" | "loris" | "oversized", addresses, atOnce}    begins
//     "stop"                                                            ends; answered by what it did

import net from "node:net";

const greeting = Buffer.alloc(64);
greeting[0] = 0xff;
greeting[9] = 0x7f;
greeting[10] = 3;
greeting.write("CURVE", 12);

/** The beginning of a command of `size` bytes, long form. */
function commandHead(size) {
  const head = Buffer.alloc(9);
  head[0] = 6;
  head.writeBigUInt64BE(BigInt(size), 1);
  return head;
}
const largestFrame = 1024 * 1024;
const zeros = Buffer.alloc(64 * 1024);

const ways = {
  /** Connects, greets, goes, and comes again. */
  flood: (socket) => socket.end(greeting),
  /** Holds its place: gets as far as it may without a key, a byte now and then. */
  loris: (socket, number) => {
    const said = Buffer.concat([greeting, commandHead(200), Buffer.alloc(199)]);
    let at = number % 80;
    socket.write(said.subarray(0, at));
    const timer = setInterval(() => at < said.length && socket.write(said.subarray(at, ++at)), 300);
    socket.on("close", () => clearInterval(timer));
  },
  /** A frame as large as a member's may be, as fast as it is taken. */
  oversized: (socket) => {
    socket.write(greeting);
    socket.write(commandHead(largestFrame));
    let left = largestFrame - 1;
    const push = () => {
      while (left > 0 && !socket.destroyed) {
        const part = zeros.subarray(0, Math.min(left, zeros.length));
        left -= part.length;
        if (!socket.write(part)) return socket.once("drain", push);
      }
    };
    push();
  },
};

const counts = { connects: 0, opened: 0, ended: 0 };
let going = true;
const open = new Set();

function connect({ port, way, addresses, atOnce }) {
  const n = counts.connects++;
  const localAddress = `127.0.${Math.floor((n % addresses) / 250)}.${2 + ((n % addresses) % 250)}`;
  const socket = net.connect({ port, host: "127.0.0.1", localAddress });
  open.add(socket);
  socket.on("error", () => {});
  socket.on("connect", () => {
    counts.opened += 1;
    ways[way](socket, n);
  });
  socket.on("data", () => {});
  socket.on("close", () => {
    counts.ended += 1;
    open.delete(socket);
    if (going) connect({ port, way, addresses, atOnce });
  });
}

process.on("message", (order) => {
  if (order !== "stop") {
    for (let i = 0; i < order.atOnce; ++i) connect(order);
    return;
  }
  going = false;
  for (const socket of open) socket.destroy();
  process.send(counts, () => process.exit(0));
});
