// What went over the loopback interface, and a search through bytes for text in any encoding.

import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { opendir } from "node:fs/promises";
import path from "node:path";

import { Skipped, until } from "./scenario.mjs";

/** Records TCP traffic of `ports` until stop(). Throws Skipped where that is not allowed. */
export async function capture(context, ports) {
  const file = path.join(context.directory, "loopback.pcap");
  const filter = ports.map((port) => `tcp port ${port}`).join(" or ");
  // As root it would become another user, who may not write the file.
  const user = process.getuid() === 0 ? ["-Z", "root"] : [];
  // Immediately: by default the kernel hands packets over once a second, and the last are lost.
  const args = ["-i", "lo", "--immediate-mode", "-U", "-n", "-s", "0", ...user, "-B", "65536", "-w", file, filter];
  const tcpdump = spawn("tcpdump", args, { stdio: ["ignore", "ignore", "pipe"] });
  let said = "";
  let ended = false;
  tcpdump.stderr.on("data", (data) => (said += data));
  tcpdump.on("error", (error) => (said += error.message));
  const closed = new Promise((resolve) => tcpdump.once("close", resolve)).then(() => (ended = true));
  context.defer(() => tcpdump.kill());
  await until("tcpdump listens", () => ended || said.includes("listening on"));
  if (ended || !said.includes("listening on")) throw new Skipped(`tcpdump cannot capture here: ${said.trim()}`);
  return {
    async stop() {
      await new Promise((resolve) => setTimeout(resolve, 500)); // What the kernel still holds.
      tcpdump.kill("SIGINT");
      await closed;
      const dropped = Number(/(\d+) packets dropped by kernel/.exec(said)?.[1] ?? -1);
      if (dropped !== 0) throw new Error(`tcpdump did not get everything: ${said}`);
      return streams(readFileSync(file));
    },
  };
}

/**
 * The bytes of each TCP direction in a pcap file of Ethernet frames, as {from, to, data}. Segments
 * are taken in the order of capture, which on the loopback interface is the order sent.
 */
function streams(pcap) {
  if (pcap.readUInt32LE(0) !== 0xa1b2c3d4) throw new Error("not a pcap file of this machine's byte order");
  if (pcap.readUInt32LE(20) !== 1) throw new Error("not a capture of Ethernet frames");
  const chunks = new Map();
  for (let at = 24; at + 16 <= pcap.length; ) {
    const length = pcap.readUInt32LE(at + 8);
    const frame = pcap.subarray(at + 16, at + 16 + length);
    at += 16 + length;
    const etherType = frame.readUInt16BE(12);
    if (etherType !== 0x0800) throw new Error("expected IPv4 only");
    const ip = frame.subarray(14);
    const ipEnd = ip.readUInt16BE(2) || ip.length; // 0: a segment the kernel had not split yet.
    const tcp = ip.subarray((ip[0] & 15) * 4, ipEnd);
    const from = tcp.readUInt16BE(0);
    const to = tcp.readUInt16BE(2);
    const key = `${from}>${to}`;
    if (!chunks.has(key)) chunks.set(key, { from, to, parts: [] });
    chunks.get(key).parts.push(tcp.subarray((tcp[12] >> 4) * 4));
  }
  return Array.from(chunks.values(), ({ from, to, parts }) => ({ from, to, data: Buffer.concat(parts) }));
}

/** `text` as it would look in UTF-8 and in both byte orders of UTF-16. */
function encodings(text) {
  const little = Buffer.from(text, "utf16le");
  return [Buffer.from(text, "utf8"), little, Buffer.from(little).swap16()];
}

/** Those of `texts` that occur in `data`, in whatever encoding. */
export function found(data, texts) {
  return texts.filter((text) => encodings(text).some((bytes) => data.includes(bytes)));
}

/** Every regular file below `directory`. */
export async function filesBelow(directory) {
  const files = [];
  for await (const entry of await opendir(directory, { recursive: true })) {
    if (entry.isFile()) files.push(path.join(entry.parentPath ?? entry.path, entry.name));
  }
  return files;
}
