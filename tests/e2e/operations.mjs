// What a node counts, and that the alerts and the dashboard of docs/operations ask for nothing else.

import { readFileSync } from "node:fs";
import path from "node:path";

import WebSocket from "ws";
import { WebsocketProvider } from "y-websocket";
import * as Y from "yjs";

import { needBinary, Node } from "./lib/nodes.mjs";
import { check, root, scenario, until } from "./lib/scenario.mjs";

/** Samples by name, each {labels, value}; names of families with their types. */
function parse(text) {
  const samples = new Map();
  const types = new Map();
  for (const line of text.trimEnd().split("\n")) {
    const type = /^# TYPE (\w+) (counter|gauge|histogram)$/.exec(line);
    if (type) {
      check(!types.has(type[1]), `${type[1]} to be there once`);
      types.set(type[1], type[2]);
    }
    if (line.startsWith("#")) continue;
    const [, name, labels, value] = /^(\w+)(?:\{([^}]*)\})? (\S+)$/.exec(line) ?? [];
    check(name && Number.isFinite(Number(value)), `a sample: ${line}`);
    check(types.has(name) || types.has(name.replace(/_(bucket|sum|count)$/, "")), `a type of ${name}`);
    samples.set(name, [...(samples.get(name) ?? []), { labels: labels ?? "", value: Number(value) }]);
  }
  return { samples, types };
}

await scenario({}, async (context) => {
  needBinary();
  const node = new Node(context, "red");
  await node.init();
  await node.cli("workspace", "create", "demo");
  node.runArguments = ["--log-json"];
  await node.start();
  const doc = new Y.Doc();
  const provider = new WebsocketProvider(`${node.bridge.replace("http", "ws")}/sync/demo`, "secret-name.md", doc, {
    WebSocketPolyfill: WebSocket,
  });
  context.defer(() => provider.destroy());
  await until("the editor is in step", () => provider.synced);
  doc.getText("monaco").insert(0, "secret words");
  const metrics = async () => {
    const response = await fetch(`${node.bridge}/metrics`);
    check(response.status === 200 && response.headers.get("content-type").startsWith("text/plain; version=0.0.4"), "text for Prometheus");
    return response.text();
  };
  const value = (told, name) => told.samples.get(name)?.[0].value;
  await until("the edit is counted as stored", async () => value(parse(await metrics()), "coterie_updates_stored_total") >= 1);
  const text = await metrics();
  const told = parse(text);
  check(!text.includes("secret"), "no names and no content");
  for (const name of ["updates_received_total", "awareness_received_total", "commits_total", "bridge_messages_received_total"]) {
    check(value(told, `coterie_${name}`) > 0, `something counted in ${name}`);
  }
  for (const [name, wanted] of [["documents_active", 1], ["participants", 1], ["workspace_writable", 1], ["commit_failures_total", 0]]) {
    check(value(told, `coterie_${name}`) === wanted, `${name} to be ${wanted}, not ${value(told, `coterie_${name}`)}`);
  }
  const buckets = told.samples.get("coterie_client_message_seconds_bucket").map((one) => one.value);
  check(buckets.every((one, i) => i === 0 || one >= buckets[i - 1]), "buckets to add up");
  check(buckets.at(-1) === value(told, "coterie_client_message_seconds_count"), "the last one to hold all");
  provider.destroy();
  await until("nobody is there", async () => value(parse(await metrics()), "coterie_participants") === 0);

  for (const file of ["alerts.yml", "grafana.json"]) {
    const asked = readFileSync(path.join(root, "docs/operations", file), "utf8").match(/\b(?:coterie|process)_[a-z_]+[a-z]/g);
    check(asked.length > 5, `metrics in ${file}`);
    for (const name of asked) check(told.samples.has(name), `${name} of ${file} to be exported`);
  }
  JSON.parse(readFileSync(path.join(root, "docs/operations/grafana.json"), "utf8"));
  await node.stop();
  const lines = readFileSync(node.logFile, "utf8").trimEnd().split("\n").map((line) => JSON.parse(line));
  check(lines.some((line) => line.message === "node started" && line.level === "info"), "lines of JSON");
  check(lines.every((line) => !Number.isNaN(Date.parse(line.time)) && !line.message.includes("secret")), "lines without content");
  context.figure("metrics", told.types.size);
});
