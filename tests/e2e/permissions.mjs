// Who may do what, through which door: each action is tried by everybody through every door of the
// bridge, and the answer and what came of it are compared with the role table. The whole table is
// printed. A door is an entry in `doors`: its name and, by action, what to do; it resolves to
// "yes", or to why not.
//
//   node permissions.mjs [--door NAME] [--seed S]

import { EventSocket, Questions } from "./lib/events.mjs";
import { linked, needBinary, Node } from "./lib/nodes.mjs";
import { scenario, until } from "./lib/scenario.mjs";
import { HocuspocusClient, HocuspocusSocket, PlainClient } from "./lib/stock.mjs";

const secret = "the secret text";
const ranks = ["nobody", "viewer", "commenter", "editor", "host"];

/** The least role that each action needs, and how to see at the node that it was done. */
const actions = {
  read: { needs: "viewer" },
  cursor: {
    needs: "viewer",
    // To be seen by whoever shows it: it leaves with its connection.
    shown: async ({ node, path, mark }) =>
      (await node.call("participants", { workspace: "demo", path })).participants.some((one) => JSON.stringify(one).includes(mark)),
  },
  chat: { needs: "commenter", done: (at) => said(at, "chat") },
  comment: { needs: "commenter", done: (at) => said(at, "comments") },
  resolve: {
    needs: "commenter",
    before: async (at) => {
      at.comment = (await at.owner.call("room.post", { workspace: "demo", path: at.path, text: "is it?", quote: "secret" })).id;
    },
    done: async ({ node, path, comment }) =>
      (await messages(node, path, "comments")).some((one) => one.id === comment && one.resolved !== undefined && one.resolved !== false),
  },
  state: {
    needs: "commenter",
    done: async ({ node, path, mark }) =>
      JSON.stringify(await node.call("state.list", { workspace: "demo", path })).includes(mark),
  },
  edit: {
    needs: "editor",
    done: async ({ node, path, mark }) => (await textOf(node, path)).includes(mark),
  },
  rename: {
    needs: "editor",
    done: async ({ node, mark }) => paths(await node.call("doc.list", { workspace: "demo" })).some((path) => path.includes(mark)),
  },
  trash: {
    needs: "editor",
    done: async ({ node, path }) => !paths(await node.call("doc.list", { workspace: "demo" })).includes(path),
  },
  "name version": {
    needs: "editor",
    before: (at) => aVersion(at),
    done: async ({ node, path, mark }) =>
      JSON.stringify(await node.call("doc.versions", { workspace: "demo", path })).includes(mark),
  },
  "restore version": {
    needs: "editor",
    before: async (at) => {
      await aVersion(at);
      await at.owner.call("doc.name", { workspace: "demo", path: at.path, name: "older" });
      await at.write(" and later words");
    },
    done: async ({ node, path }) => (await textOf(node, path)) === secret,
  },
  invite: { needs: "host" },
  token: { needs: "host" },
};

const paths = ({ documents }) => documents.map(({ path }) => path);
const textOf = async (node, path) => (await node.call("doc.text", { workspace: "demo", path, root: "monaco" })).text;
const messages = async (node, path, lane) => (await node.call("room.page", { workspace: "demo", path, lane })).messages;
const said = async ({ node, path, mark }, lane) => (await messages(node, path, lane)).some(({ text }) => text === mark);

async function aVersion(at) {
  at.version = (await at.owner.call("doc.versions", { workspace: "demo", path: at.path })).versions[0].id;
}

const why = (answer) => (answer.type === "error" ? answer.code : "yes");

/** What is said over the events of a document, by whatever carries them. */
const conversation = {
  cursor: async (at, events) => {
    const joined = await events.ask({ type: "join_session", user: { id: at.guest ?? "window", name: at.mark } });
    if (joined.type !== "session") return why(joined);
    events.say({ type: "cursor_update", cursor: { mark: at.mark } });
    await until("the cursor is shown", () => actions.cursor.shown(at));
    return "yes";
  },
  chat: (at, events) => tell(events, { type: "chat_message", text: at.mark }),
  comment: (at, events) => tell(events, { type: "add_comment", text: at.mark, range: { root: "monaco", from: 0, to: 3 } }),
  resolve: (at, events) => tell(events, { type: "message_update", message: at.comment, change: "resolve" }),
  state: (at, events) => tell(events, { type: "session_update", key: "topic", value: at.mark }),
};

async function tell(events, object) {
  const joined = await events.ask({ type: "join_session", user: { name: "somebody" } });
  return why(joined.type === "session" ? await events.ask(object) : joined);
}

const doors = {
  "y-websocket": (() => {
    const open = async (at) => {
      const client = new PlainClient(at.context, "y-websocket", at.node.bridge, "demo", at.path, { token: at.token });
      await until("it is let in or not", () => client.provider.synced || client.status, { everyMs: 2 });
      return client;
    };
    const through = (act) => async (at) => {
      const client = await open(at);
      try {
        return client.status ? String(client.status) : await act(at, client);
      } finally {
        client.close();
      }
    };
    return {
      read: through(async (_at, { doc }) => (doc.getText("monaco").toString() === secret ? "yes" : "nothing there")),
      cursor: through(async (at, client) => {
        client.awareness.setLocalState({ user: { name: at.mark } });
        await until("the cursor is shown", () => actions.cursor.shown(at));
        return "yes";
      }),
      edit: through(async (at, client) => {
        client.doc.getText("monaco").insert(0, at.mark);
        await until("it is taken or not", async () => client.refusals.length > 0 || (await actions.edit.done(at)), { everyMs: 5 });
        return client.refusals.length > 0 ? "refused" : "yes";
      }),
    };
  })(),

  Hocuspocus: (() => {
    const open = async (at) => {
      const socket = new HocuspocusSocket(at.context, at.node.bridge, "?workspace=demo");
      const client = new HocuspocusClient(at.context, "Hocuspocus", socket, at.path, { token: at.token ?? "" });
      await until("it is let in or not", () => client.provider.synced || client.denials.length > 0, { everyMs: 2 });
      return client;
    };
    const through = (act) => async (at) => {
      const client = await open(at);
      try {
        return client.denials.length > 0 ? "denied" : await act(at, client);
      } finally {
        client.close();
        client.socket.inner.destroy();
      }
    };
    const saying = (what) =>
      through((at, client) =>
        conversation[what](at, new Questions((object) => client.say(object), client.heard, "stateless")));
    return {
      ...doors_of(conversation, saying),
      read: through(async (_at, { doc }) => (doc.getText("monaco").toString() === secret ? "yes" : "nothing there")),
      cursor: through(async (at, client) => {
        client.awareness.setLocalState({ user: { name: at.mark } });
        await until("the cursor is shown", () => actions.cursor.shown(at));
        return "yes";
      }),
      edit: through(async (at, client) => {
        client.doc.getText("monaco").insert(0, at.mark);
        await until("it is taken or not", async () => client.statuses.includes(0) || (await actions.edit.done(at)), { everyMs: 5 });
        return client.statuses.includes(0) ? "refused" : "yes";
      }),
    };
  })(),

  events: (() => {
    const through = (act) => async (at) => {
      const socket = await EventSocket.open(at.context, at.node.bridge, at.id, { token: at.token });
      try {
        return socket.status === 101 ? await act(at, socket.questions) : String(socket.status);
      } finally {
        socket.close();
      }
    };
    return {
      ...doors_of(conversation, (what) => through(conversation[what])),
      read: through(async (_at, events) => {
        const joined = await events.ask({ type: "join_session", user: { name: "somebody" } });
        return why(joined);
      }),
    };
  })(),

  stream: {
    read: async (at) => {
      const abort = new AbortController();
      const query = at.token ? `?token=${encodeURIComponent(at.token)}` : "";
      const answer = await fetch(`${at.node.bridge}/v1/documents/${at.id}/stream${query}`, { signal: abort.signal });
      abort.abort();
      return answer.status === 200 ? "yes" : String(answer.status);
    },
  },

  REST: (() => {
    const request = async (at, method, path, body, headers = {}) => {
      const answer = await fetch(at.node.bridge + path, {
        method,
        headers: {
          ...(at.token ? { Authorization: `Bearer ${at.token}` } : {}),
          ...(body === undefined ? {} : { "Content-Type": "application/json" }),
          ...headers,
        },
        body: body === undefined ? undefined : JSON.stringify(body),
      });
      return { status: answer.status, headers: answer.headers, body: await answer.text() };
    };
    const plain = (make) => async (at) => {
      const { status } = await request(at, ...(await make(at)));
      return status >= 200 && status < 300 ? "yes" : String(status);
    };
    const of = ({ id }, rest = "") => `/v1/documents/${id}${rest}`;
    return {
      read: async (at) => {
        const { status, body } = await request(at, "GET", of(at, "/text?root=monaco"));
        return status === 200 && body.includes(secret) ? "yes" : String(status);
      },
      edit: plain(async (at) => {
        const { headers } = await request({ node: at.owner }, "GET", of(at, "/text?root=monaco"));
        return ["PUT", of(at, "/text?root=monaco"), { text: `${secret} ${at.mark}` }, { "If-Match": headers.get("etag") ?? "" }];
      }),
      chat: plain((at) => ["POST", of(at, "/messages"), { text: at.mark }]),
      comment: plain((at) => ["POST", of(at, "/comments"), { text: at.mark, quote: "secret" }]),
      resolve: plain((at) => ["POST", of(at, `/comments/${at.comment}/resolve`)]),
      state: plain((at) => ["PUT", of(at, "/state/topic"), { value: at.mark }]),
      rename: plain((at) => ["PATCH", of(at), { path: `renamed/${at.mark}` }]),
      trash: plain((at) => ["DELETE", of(at)]),
      "name version": plain((at) => ["PUT", of(at, `/versions/${at.version}/name`), { name: at.mark }]),
      "restore version": plain((at) => ["POST", of(at, "/versions/older/restore")]),
      invite: plain(() => ["POST", "/v1/workspaces/demo/invites", { role: "viewer" }]),
      token: plain(() => ["POST", "/v1/tokens", { workspace: "demo", role: "viewer", guest: "minted" }]),
    };
  })(),
};

/** The same actions, each made of its name by `make`. */
function doors_of(table, make) {
  return Object.fromEntries(Object.keys(table).map((what) => [what, make(what)]));
}

/** What a bridge does not have yet, as "door: action". */

await scenario({ door: { type: "string" } }, async (context) => {
  needBinary();
  const [red, green] = ["red", "green"].map((color) => new Node(context, color));
  for (const node of [red, green]) {
    await node.init();
    await node.start();
  }
  await red.cli("workspace", "create", "demo");
  await red.cli("workspace", "create", "elsewhere");
  const invite = (await red.cli("invite", "create", "demo", "--role", "viewer")).match(/coterie1\S+/)[0];
  await green.cli("join", invite);
  await linked([red, green]);
  const blue = await strict(context, red);
  const device = (await red.json("members", "demo")).members.find(({ self }) => self).device;

  const tokenOf = async (node, claims) => (await node.call("token.create", { workspace: "demo", ...claims })).token;
  const guest = async (role, more = {}) => ({ may: role, node: red, guest: role, token: await tokenOf(red, { role, guest: role }), ...more });
  const hosts = await guest("host");
  const subjects = {
    owner: { may: "host", node: red },
    "owner's token": { may: "host", node: red, token: await tokenOf(red, { role: "host" }) },
    "guest, as host": hosts,
    editor: await guest("editor"),
    commenter: await guest("commenter"),
    viewer: await guest("viewer"),
    "lowered to commenter": { may: "commenter", node: red, guest: "lowered", standing: "commenter", token: await tokenOf(red, { role: "host", guest: "lowered" }) },
    "sent out": { may: "nobody", node: red, guest: "outcast", standing: "out", token: await tokenOf(red, { role: "host", guest: "outcast" }) },
    "at a viewer's": { may: "viewer", node: green, guest: "afar", token: await tokenOf(green, { role: "host", guest: "afar" }) },
    "other documents": { may: "nobody", node: red, guest: "narrow", token: await tokenOf(red, { role: "host", guest: "narrow", documents: '["other/"]' }) },
    "other workspace": { may: "nobody", node: red, guest: "stray", token: await tokenOf(red, { role: "host", guest: "stray", workspace: "elsewhere" }) },
    ...(blue ? { "no token": { may: "nobody", node: blue } } : {}),
    forged: { may: "nobody", node: red, guest: "host", token: forged(hosts.token) },
  };
  // What a host says of a guest is about one document, and takes nothing of the workspace away.
  const mayDo = ({ may, standing }, action) => (["invite", "token"].includes(action) && standing ? "host" : may);
  const wrong = [];
  const table = [];
  let tries = 0;
  for (const [door, does] of Object.entries(doors)) {
    if (context.args.door && context.args.door !== door) continue;
    for (const [action, { needs, before, done }] of Object.entries(actions)) {
      if (!does[action]) continue;
      const row = [`${action}, ${door}`];
      for (const [name, subject] of Object.entries(subjects)) {
        const at = await place(context, red, device, subject, ++tries);
        await before?.(at);
        const answer = await does[action](at).catch((error) => `broke: ${error.message}`);
        const expected = ranks.indexOf(mayDo(subject, action)) >= ranks.indexOf(needs);
        let happened = answer === "yes";
        if (done) happened = answer === "yes" ? await until("it is done", () => done(at), { timeoutMs: 5000 }).catch(() => false) : await done(at);
        const refusedWell = !expected && isRefusal(answer, name);
        if (expected ? !(answer === "yes" && happened) : !(refusedWell && !happened)) {
          wrong.push(`${action}, ${door}, ${name}: expected ${expected ? "yes" : "no"}, answered ${answer}${done ? `, ${happened ? "done" : "not done"}` : ""}`);
        }
        row.push(answer);
      }
      table.push(row);
    }
  }
  print(context, ["", ...Object.keys(subjects)], table);
  if (!context.args.door) await changesWhileAttached(context, red, device);
  if (wrong.length > 0) throw new Error(`${wrong.length} of ${tries} wrong:\n${wrong.join("\n")}`);
  context.log(`${tries} tries: the right answer each time, and nothing done that was refused`);
  for (const node of [red, green, blue]) await node?.stop();
});

/** What hosts say of somebody who is attached counts at once. */
async function changesWhileAttached(context, node, device) {
  const guest = "moved";
  const { token } = await node.call("token.create", { workspace: "demo", role: "host", guest });
  const path = "tries/attached";
  const at = await place(context, node, device, { node }, "attached");
  const say = (standing) => node.call("doc.guest", { workspace: "demo", path, who: device, guest, standing });
  const plain = new PlainClient(context, "y-websocket", node.bridge, "demo", path, { token });
  const stock = new HocuspocusClient(context, "Hocuspocus", new HocuspocusSocket(context, node.bridge, "?workspace=demo"), path, { token });
  const events = await EventSocket.open(context, node.bridge, at.id, { token });
  await Promise.all([plain.synced(), stock.synced(), events.ask({ type: "join_session", user: { name: "somebody" } })]);
  const write = (client, text) => client.doc.getText("monaco").insert(0, text);

  await say("viewer");
  await until("Hocuspocus is told", () => stock.scopes.at(-1) === "readonly");
  write(plain, "P");
  write(stock, "S");
  await until("y-websocket is told why", () => plain.refusals.length > 0);
  await until("Hocuspocus is told each time", () => stock.statuses.includes(0));
  const { code } = await events.ask({ type: "chat_message", text: "may I?" });
  if (code !== "PERMISSION_DENIED") throw new Error(`a viewer's message was answered by ${code}`);
  if ((await textOf(node, path)) !== secret) throw new Error("a viewer's edits arrived");

  await say("editor");
  await until("what was refused is taken after all", async () => /^(PS|SP)/.test(await textOf(node, path)));
  await until("Hocuspocus may write", () => stock.scopes.at(-1) === "read-write");
  await until("and waits for nothing", () => stock.unsaved === 0);

  await say("out");
  await until("y-websocket is closed with 4403", () => plain.closes.includes(4403));
  await until("Hocuspocus is denied", () => stock.denials.length > 0);
  await until("events are closed with 4403", () => events.closeCode === 4403);
  for (const one of [plain, stock]) one.close();

  const back = new PlainClient(context, "the owner", node.bridge, "demo", path);
  const other = new HocuspocusClient(context, "Hocuspocus", new HocuspocusSocket(context, node.bridge, "?workspace=demo"), path);
  await Promise.all([back.synced(), other.synced()]);
  await node.call("doc.end_session", { workspace: "demo", path });
  await until("the end of a session closes all with 4423", () => back.closes.includes(4423) && other.closes.length > 0);
  await node.call("doc.open_session", { workspace: "demo", path });
  for (const one of [back, other]) one.close();
  const last = new PlainClient(context, "the owner", node.bridge, "demo", path);
  await last.synced();
  await node.call("doc.trash", { workspace: "demo", path });
  await until("a document in the trash closes its clients with 4410", () => last.closes.includes(4410));
  last.close();
  context.log("lowered, raised, sent out, session ended, trashed: each counts at once for those who are attached");
}

/** Refused for the right reason: who one is (401), or what one may (403 and its like). */
function isRefusal(answer, name) {
  if (["forged", "no token"].includes(name) && /^\d+$/.test(answer)) return answer === "401";
  return ["403", "refused", "denied", "PERMISSION_DENIED"].includes(answer);
}

/** A member whose bridge lets nobody in without a token; none if this build has no such option. */
async function strict(context, red) {
  if (!(await red.cli("run", "--help")).includes("--bridge-require-token")) return null;
  const node = new Node(context, "blue");
  node.runArguments = ["--bridge-require-token"];
  await node.init();
  await node.start();
  await node.cli("join", (await red.cli("invite", "demo")).match(/coterie1\S+/)[0]);
  return node;
}

/** A token whose claims were changed after it was signed. */
function forged(token) {
  const [head, body, signature] = token.split(".");
  const claims = JSON.parse(Buffer.from(body, "base64url"));
  return [head, Buffer.from(JSON.stringify({ ...claims, exp: claims.exp + 1 })).toString("base64url"), signature].join(".");
}

/** A document of its own for each try. */
async function place(context, owner, device, subject, number) {
  const path = `tries/${number}`;
  const { id } = await owner.call("doc.create", { workspace: "demo", path });
  const write = async (text) => {
    const client = new PlainClient(context, "the owner", owner.bridge, "demo", path);
    await client.synced();
    const root = client.doc.getText("monaco");
    root.insert(root.length, text);
    for (const each of [owner, subject.node]) {
      await until("it is written", async () => (await textOf(each, path)).endsWith(text), { everyMs: 5 });
    }
    client.close();
  };
  const { node } = subject;
  await write(secret);
  if (subject.standing) await owner.call("doc.guest", { workspace: "demo", path, who: device, guest: subject.guest, standing: subject.standing });
  return { context, owner, node, path, id, write, token: subject.token, guest: subject.guest, mark: `mark-${number}` };
}

function print(context, head, rows) {
  const widths = head.map((_, i) => Math.max(head[i].length, ...rows.map((row) => (row[i] ?? "").slice(0, 24).length)));
  for (const row of [head, ...rows]) {
    context.log(`  ${row.map((cell, i) => cell.slice(0, 24).padEnd(widths[i])).join("  ")}`.trimEnd());
  }
}
