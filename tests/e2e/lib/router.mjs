// A router between two networks: passes connections to ports of its outside address on to whoever
// asked for them inside, by NAT-PMP (RFC 6886) or UPnP, for as long as the lease. Some lie.

import dgram from "node:dgram";
import http from "node:http";
import net from "node:net";

const natPmpPort = 5351;
const announcedAt = [5350, "224.0.0.1"];
const searchedAt = [1900, "239.255.255.250"];
const urn = (name) => `urn:schemas-upnp-org:${name}:1`;
const connectionService = urn("service:WANIPConnection");

export class Router {
  ports = new Map(); // External port to {client, internal, lasts, server, sockets, timer}.
  asked = 0; // Questions of any kind.
  renewed = 0;
  passed = 0; // Connections.
  #closers = [];

  /** `inside` and `outside` are addresses of the scenario's own. */
  constructor({ inside, outside }) {
    this.inside = inside;
    this.outside = outside;
  }

  async open(external, client, internal, seconds) {
    const held = this.ports.get(external);
    if (held) {
      if (held.client !== client || held.internal !== internal) return false;
      this.renewed += 1;
      clearTimeout(held.timer);
      held.timer = setTimeout(() => this.shut(external), seconds * 1000);
      return true;
    }
    const { server, sockets } = await this.#pass(this.outside, external, client, internal);
    server.on("connection", () => (this.passed += 1));
    const timer = setTimeout(() => this.shut(external), seconds * 1000);
    this.ports.set(external, { client, internal, seconds, server, sockets, timer });
    return true;
  }

  /** What goes out through any router: whoever dials its inside address at `port` reaches `host`. */
  async letOut(port, host) {
    const { server, sockets } = await this.#pass(this.inside, port, host, port);
    return () => {
      server.close();
      for (const one of sockets) one.destroy();
    };
  }

  async #pass(address, port, host, hostPort) {
    const sockets = new Set();
    const server = net.createServer((near) => {
      const far = net.connect(hostPort, host);
      for (const [one, other] of [[near, far], [far, near]]) {
        sockets.add(one);
        one.on("error", () => {});
        one.on("close", () => (sockets.delete(one), other.destroy()));
        one.pipe(other);
      }
    });
    await new Promise((resolve, reject) => server.once("error", reject).listen(port, address, resolve));
    return { server, sockets };
  }

  shut(external) {
    const held = this.ports.get(external);
    if (!held) return;
    this.ports.delete(external);
    clearTimeout(held.timer);
    held.server.close();
    for (const one of held.sockets) one.destroy();
  }

  /** Loses its power for a moment, and may come back with another address. */
  restart(outside = this.outside) {
    for (const external of [...this.ports.keys()]) this.shut(external);
    this.outside = outside;
  }

  async close() {
    for (const close of this.#closers.splice(0).reverse()) await close();
    this.restart();
  }

  /** `lease`: what it gives at most, in seconds; `claims`: its outside address, as it says. */
  async speakNatPmp({ lease, claims, answer: change = (bytes) => bytes }) {
    const socket = dgram.createSocket("udp4");
    const reply = (operation, port = 0, external = 0, seconds = 0) => {
      const answer = Buffer.alloc(operation === 0 ? 12 : 16);
      answer[1] = 128 + operation;
      if (operation === 0) {
        Buffer.from((claims ?? this.outside).split(".").map(Number)).copy(answer, 8);
      } else {
        answer.writeUInt16BE(port, 8);
        answer.writeUInt16BE(external, 10);
        answer.writeUInt32BE(seconds, 12);
      }
      return change(answer);
    };
    socket.on("message", async (request, from) => {
      this.asked += 1;
      const operation = request[1];
      if (operation === 0) return socket.send(reply(0), from.port, from.address);
      const internal = request.readUInt16BE(4);
      let external = request.readUInt16BE(6);
      const seconds = Math.min(request.readUInt32BE(8), lease);
      if (seconds === 0) {
        for (const [key, one] of this.ports) if (one.client === from.address && one.internal === internal) this.shut(key);
        return socket.send(reply(operation, internal), from.port, from.address);
      }
      while (!(await this.open(external, from.address, internal, seconds))) external += 1;
      socket.send(reply(operation, internal, external, seconds), from.port, from.address);
    });
    await new Promise((resolve) => socket.bind(natPmpPort, this.inside, resolve));
    socket.setMulticastInterface(this.inside);
    this.announce = () => socket.send(reply(0), ...announcedAt);
    this.#closers.push(() => new Promise((resolve) => socket.close(resolve)));
  }

  /** `serve(request, response)` answers in its place; `location` is where it says that its description is. */
  async speakUpnp({ serve, location, claims } = {}) {
    const server = http.createServer(async (request, response) => {
      this.asked += 1;
      if (serve) return serve(request, response);
      let body = "";
      for await (const part of request) body += part;
      const [status, answer] =
        request.method === "POST" ? await this.#act(body, request.socket.remoteAddress, claims) : [200, description];
      response.writeHead(status, { "Content-Type": "text/xml" }); // And chunks.
      response.end(answer);
    });
    await new Promise((resolve) => server.listen(0, this.inside, resolve));
    location ??= `http://${this.inside}:${server.address().port}/description.xml`;
    const socket = dgram.createSocket({ type: "udp4", reuseAddr: true });
    socket.on("message", (search, from) => {
      this.asked += 1;
      const target = /^ST: *(.*?)\r?$/im.exec(search.toString())?.[1];
      if (target !== urn("device:InternetGatewayDevice")) return;
      const answer = ["HTTP/1.1 200 OK", "CACHE-CONTROL: max-age=60", "EXT:", `ST: ${target}`,
        `USN: uuid:1::${target}`, `Location: ${location}`, "SERVER: test", "", ""]; // prettier-ignore
      reply.send(answer.join("\r\n"), from.port, from.address);
    });
    await new Promise((resolve) => socket.bind(searchedAt[0], searchedAt[1], resolve));
    socket.addMembership(searchedAt[1], this.inside);
    const reply = dgram.createSocket("udp4");
    await new Promise((resolve) => reply.bind(0, this.inside, resolve));
    this.#closers.push(async () => {
      for (const one of [socket, reply]) await new Promise((resolve) => one.close(resolve));
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    });
  }

  async #act(body, client, claims) {
    const value = (name) => new RegExp(`<${name}>([^<]*)</${name}>`).exec(body)?.[1];
    const action = /<u:(\w+)/.exec(body)[1];
    const external = Number(value("NewExternalPort"));
    const envelope = (inner) => `<?xml version="1.0"?>
      <s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>${inner}</s:Body></s:Envelope>`;
    const done = (inner = "") =>
      [200, envelope(`<u:${action}Response xmlns:u="${connectionService}">${inner}</u:${action}Response>`)];
    const failed = (code) =>
      [500, envelope(`<s:Fault><detail><UPnPError><errorCode>${code}</errorCode></UPnPError></detail></s:Fault>`)];
    if (action === "GetExternalIPAddress") {
      return done(`<NewExternalIPAddress>${claims ?? this.outside}</NewExternalIPAddress>`);
    }
    if (action === "DeletePortMapping") {
      this.shut(external);
      return done();
    }
    const seconds = Number(value("NewLeaseDuration"));
    const given = await this.open(external, value("NewInternalClient"), Number(value("NewInternalPort")), seconds);
    return given ? done() : failed(718);
  }
}

const service = `<service><serviceType>${connectionService}</serviceType>
  <serviceId>urn:upnp-org:serviceId:WANIPConn1</serviceId><controlURL>/control</controlURL>
  <eventSubURL>/event</eventSubURL><SCPDURL>/scpd.xml</SCPDURL></service>`;
const device = (name, inner) => `<device><deviceType>${urn(`device:${name}`)}</deviceType>${inner}</device>`;
const description = `<?xml version="1.0"?><root xmlns="urn:schemas-upnp-org:device-1-0">${device(
  "InternetGatewayDevice",
  `<deviceList>${device(
    "WANDevice",
    `<deviceList>${device("WANConnectionDevice", `<serviceList>${service}</serviceList>`)}</deviceList>`,
  )}</deviceList>`,
)}</root>`;
