// How long a keystroke takes from one node to another, on loopback, real processes and a real disk.
//
//   node latency.mjs [--seconds S] [--runs N]
//
// From the moment a client hands a keystroke to its WebSocket to the moment another client is handed
// it by its own, in one process each:
//   same node    both clients at one node: what the two WebSockets and the measuring itself cost.
//   next node    the clients at two nodes: that, and commit, link, check and commit.
// The document is idle before each keystroke, so that nothing waits for the coalescing window.

import { keystrokes, quantiles } from "../../tests/e2e/lib/keys.mjs";
import { formTeam, needBinary, Node } from "../../tests/e2e/lib/nodes.mjs";
import { scenario } from "../../tests/e2e/lib/scenario.mjs";

const number = { type: "string", number: true };
const show = ({ median, p95, p99, max }) =>
  `median ${median.toFixed(2)}  p95 ${p95.toFixed(2)}  p99 ${p99.toFixed(2)}  max ${max.toFixed(2)} ms`;

await scenario({ seconds: number, runs: number }, async (context) => {
  needBinary();
  const { seconds = 8, runs = 5 } = context.args;
  const [red, green] = ["red", "green"].map((name) => new Node(context, name));
  await formTeam([red, green]);
  for (let run = 0; run < runs; ++run) {
    context.figure("same node", show(quantiles(await keystrokes(context, red, red, seconds))));
    context.figure("next node", show(quantiles(await keystrokes(context, red, green, seconds))));
  }
  for (const node of [red, green]) {
    const { median, p99, max } = (await node.call("status")).disk.commit_ms;
    context.figure(`${node.name}'s commits`, `median ${median}  p99 ${p99}  max ${max} ms`);
  }
});
