// A node behind a router has it open a port, by NAT-PMP, and by UPnP where nobody speaks that; who is
// outside joins through it by the invite alone. The router forgets, changes its address, and lies.
//
//   node gateway.mjs [--seed S]

import { execFileSync } from "node:child_process";

import { enterPrivateNetwork, Network } from "./lib/network.mjs";
import { linked, needBinary, Node } from "./lib/nodes.mjs";
import { Router } from "./lib/router.mjs";
import { check, scenario, Skipped, sleep, until } from "./lib/scenario.mjs";

// Not reserved ones: nobody would be told those.
const outside = "20.30.40.50";
const outsideLater = "20.30.40.51";
const blueAddress = "20.30.40.9";
const lease = 20; // Seconds; the least that a node takes.
const silenceMs = 3000;

const privateNetwork = enterPrivateNetwork();

await scenario({}, async (context) => {
  needBinary();
  if (!privateNetwork) throw new Skipped("this system lets nobody make network namespaces");
  const network = new Network();
  const ip = (...args) => execFileSync("ip", args);
  const inside = network.host("green");
  const street = network.host("blue"); // Moved to where the router has its other address.
  ip("link", "add", "street", "type", "bridge");
  for (const one of [outside, outsideLater]) ip("addr", "add", `${one}/24`, "dev", "street");
  ip("link", "set", "street", "up");
  ip("link", "set", "blue", "master", "street");
  ip("-n", "blue", "addr", "flush", "dev", "eth0");
  ip("-n", "blue", "addr", "add", `${blueAddress}/24`, "dev", "eth0");
  execFileSync("sysctl", ["-qw", "net.ipv4.ip_forward=0"]); // Nothing gets through but what the router passes on.
  const green = new Node(context, "green", { listen: "0.0.0.0", prefix: inside.prefix });
  const blue = new Node(context, "blue", { listen: blueAddress, prefix: street.prefix });
  const router = new Router({ inside: network.home, outside });
  context.defer(() => router.close());

  const mapping = async (node = green) => (await node.json("status")).port_mapping;
  const mapped = (what, address, by) =>
    until(`green is reached at ${address}, ${what}`, async () => {
      const now = await mapping();
      return now.address === address && now.by === by && now.gateway === network.home;
    });
  const refused = (what, pattern) =>
    until(`green gets no port: ${what}`, async () => {
      const now = await mapping();
      return now.address === null && now.by === null && pattern.test(now.why);
    });
  const toldBlue = (address) =>
    until(`blue is told ${address}`, async () => {
      const { members } = await blue.json("members", "demo");
      return members.find((one) => one.name === "green").addresses.includes(address);
    });

  for (const node of [green, blue]) await node.init();
  const at = (address) => `tcp://${address}:${green.meshPort}`;

  context.log("without a router");
  await green.start();
  await refused("there is nobody to ask", /no router/);
  ip("-n", "green", "route", "add", "default", "via", network.home);
  await refused("nobody answers", /gives no port: it does not answer/);
  check(/Router +no port: .*does not answer/.test(await green.cli("status")), "status to say so");
  await green.stop();

  context.log("NAT-PMP");
  await router.speakNatPmp({ lease });
  green.runArguments = ["--peer", `blue@tcp://${network.home}:${blue.meshPort}`]; // Remembered from here on.
  await green.start();
  green.runArguments = [];
  await mapped("by NAT-PMP", at(outside), "NAT-PMP");
  check(/Router +tcp:\/\/20\.30\.40\.50:\d+ leads here, by NAT-PMP/.test(await green.cli("status")), "status to say so");
  await green.cli("workspace", "create", "demo");
  await blue.start();
  const invite = (await green.cli("invite", "demo")).trim().split(/\s+/).at(-1);
  await blue.cli("join", invite);
  await linked([green, blue]);
  check(router.passed > 0, "blue to have come through the router");
  check((await mapping(blue)).gateway === null, "blue to ask nobody");

  context.log("it is renewed");
  const renewed = router.renewed;
  await until("it is renewed twice", () => router.renewed >= renewed + 2, { timeoutMs: 3 * lease * 1000 });

  context.log("the router restarts, and then has another address");
  for (const address of [outside, outsideLater]) {
    // Nobody inside can tell blue of another address than by a connection of its own.
    if (address === outsideLater) context.defer(await router.letOut(blue.meshPort, blueAddress));
    router.restart(address);
    router.announce();
    await until("the port is open again", () => router.ports.has(green.meshPort));
    await mapped("again", at(address), "NAT-PMP");
    await toldBlue(at(address));
    await linked([green, blue]);
  }

  context.log("green is killed: the lease runs out");
  await green.kill9();
  check(router.ports.has(green.meshPort), "the port to be open still");
  await until("the router closes it", () => router.ports.size === 0, { timeoutMs: 2 * lease * 1000 });
  await green.start();
  await mapped("as before", at(outsideLater), "NAT-PMP");
  await linked([green, blue]);
  await green.stop();
  check(router.ports.size === 0, "the port to be given back");

  context.log("NAT-PMP: lies");
  await router.close();
  for (const [what, pattern, options] of [
    ["a private address", /no public address/, { lease, claims: "192.168.7.7" }],
    ["a second at a time", /refuses/, { lease: 1 }],
    ["noise", /does not answer/, { lease, answer: () => Buffer.alloc(1000, 0x5a) }],
  ]) {
    context.log(`  ${what}`);
    await router.speakNatPmp(options);
    await green.start();
    await refused(what, pattern);
    await green.stop();
    await router.close();
  }

  context.log("UPnP");
  router.restart(outside);
  await router.speakUpnp();
  await green.start();
  await mapped("by UPnP", at(outside), "UPnP");
  await toldBlue(at(outside));
  await linked([green, blue]);
  ip("-n", "green", "route", "del", "default");
  await refused("the router is gone", /no router/);
  router.restart();
  ip("-n", "green", "route", "add", "default", "via", network.home);
  await mapped("again", at(outside), "UPnP");
  await green.stop();
  check(router.ports.size === 0, "the port to be given back");

  context.log("UPnP: somebody else has the port");
  await router.open(green.meshPort, "10.77.0.250", 9, 3600);
  await green.start();
  await until("green gets another one", async () => (await mapping()).address?.startsWith(`tcp://${outside}:`));
  const [, other] = [...router.ports.keys()];
  check((await mapping()).address === `tcp://${outside}:${other}` && other !== green.meshPort, "another port");
  await green.stop();
  check(router.ports.size === 1, "only green's port to be given back");
  await router.close();

  context.log("UPnP: lies");
  const flood = (_request, response) => {
    response.writeHead(200);
    const more = () => {
      while (!response.destroyed && response.write("<a>".repeat(100_000)));
    };
    response.on("drain", more);
    more();
  };
  const drip = (_request, response) => {
    response.writeHead(200);
    const timer = setInterval(() => response.write(" "), 100);
    response.on("close", () => clearInterval(timer));
  };
  for (const [what, pattern, options] of [
    ["a private address", /no public address/, { claims: "10.1.2.3" }],
    ["an endless reply", /does not answer/, { serve: flood }],
    ["a byte now and then", /does not answer/, { serve: drip }],
    ["never a reply", /does not answer/, { serve: () => {} }],
    ["this machine's address", /does not answer/, { location: "http://127.0.0.1:80/" }],
  ]) {
    context.log(`  ${what}`);
    await router.speakUpnp(options);
    await green.start();
    await refused(what, pattern);
    check((await green.stop()).code === 0, "green to stop as ever");
    await router.close();
  }
  const { peakBytes } = green.usage();
  check(peakBytes < 256 * 2 ** 20, `green's memory to be bounded, not ${peakBytes}`);

  context.log("stopped in the middle of a question");
  await router.speakUpnp({ serve: () => {} });
  const before = router.asked;
  await green.start();
  await until("the router is asked", () => router.asked > before);
  check((await green.stop()).code === 0, "green to stop as ever");
  await router.close();

  context.log("not when told not to ask, nor where others are told something else");
  await router.speakNatPmp({ lease });
  await router.speakUpnp();
  const asked = router.asked;
  for (const more of [["--no-port-mapping"], ["--advertise", at(outside)]]) {
    green.runArguments = more;
    await green.start();
    await sleep(silenceMs); // That nothing happens cannot be waited for.
    check((await mapping()).address === null && router.asked === asked, `nothing to be asked with ${more[0]}`);
    await green.stop();
  }
});
