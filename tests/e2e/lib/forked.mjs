// Clients in processes of their own, so that what one of them measures is not another's queue.

import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";

/**
 * A process of the script at `url` with an order, its first message. `ready` resolves to the answer,
 * and ask() to the next one. One that ends by itself ends the scenario: nobody would answer.
 */
export function forked(context, url, order) {
  const child = fork(fileURLToPath(url), [], { env: { ...process.env } });
  context.defer(() => child.kill("SIGKILL"));
  const ask = (message) =>
    new Promise((resolve, reject) => {
      const ended = (code) => reject(new Error(`a client ended (${code})`));
      child.once("exit", ended);
      child.once("message", (answer) => {
        child.off("exit", ended);
        resolve(answer);
      });
      child.send(message);
    });
  return { child, ready: ask(order), ask };
}
