// Every operation of docs/API/openapi.json against a real node: with its examples, and with wrong
// input; each answer is held against the file. Then what REST promises: ETags, pages, and that a PUT
// of a text overwrites nobody.

import * as Y from "yjs";
import { WebsocketProvider } from "y-websocket";
import WebSocket from "ws";

import { Api } from "./lib/api.mjs";
import { EventStream } from "./lib/event_stream.mjs";
import { needBinary, Node } from "./lib/nodes.mjs";
import { check, scenario, until } from "./lib/scenario.mjs";

const nowhere = "0".repeat(32);
const nobody = "0".repeat(64);
/** Not one request and its answer. */
const lasting = ["documentEvents", "documentStream"];

/** Who has only HTTP: polls a text, changes it, puts it back. */
class Poller {
  constructor(api, base, document) {
    Object.assign(this, { api, base, document, text: "", etag: null });
  }
  get #at() {
    return { document_id: this.document };
  }
  /** Whether there was something new. */
  async poll() {
    const answer = await this.api.call(this.base, "readText", { ...this.#at, "If-None-Match": this.etag });
    if (answer.status === 304) return false;
    [this.text, this.etag] = [answer.json.text, answer.headers.get("etag")];
    return true;
  }
  async put(text) {
    const answer = await this.api.call(this.base, "writeText", { ...this.#at, "If-Match": this.etag }, { body: { text } });
    check(answer.status === 200, `a PUT to be taken: ${answer.text}`);
    [this.text, this.etag] = [answer.json.text ?? text, answer.headers.get("etag")];
    return answer.json;
  }
}

await scenario({}, async (context) => {
  needBinary();
  const api = await Api.load();
  const node = new Node(context, "red");
  await node.init();
  await node.cli("workspace", "create", "demo");
  await node.start();
  const base = node.bridge;
  const call = (...args) => api.call(base, ...args);
  const good = async (id, given, options) => {
    const answer = await call(id, given, options);
    check(answer.status < 300, `${id} to succeed: ${answer.status} ${answer.text}`);
    return answer.json ?? answer;
  };
  /** With the example of its body. */
  const said = (id, given) => good(id, given, { body: api.example(id) });

  // Everything once, as the file's examples have it.
  for (const id of ["health", "ready", "metrics", "status", "capabilities", "listTemplates", "listWorkspaces"]) await good(id);
  await said("createWorkspace");
  const { token } = await said("createToken");
  const made = await said("createDocument");
  const here = { document_id: made.id };
  check((await good("getDocument", here)).title === "Today", "the title of the example");
  const asAda = await fetch(`${base}/v1/documents/${made.id}?token=${token}`);
  check(asAda.status === 200, "a token to open what it is for");
  const byAda = await fetch(`${base}/v1/documents/${made.id}`, { method: "DELETE", headers: { Authorization: `Bearer ${token}` } });
  check(byAda.status === 403, "a commenter not to delete");
  check((await good("search")).hits[0]?.id === made.id, "the document to be found");
  for (const id of ["listMembers", "listPeers", "getMesh"]) await good(id);
  const invite = await said("createInvite");
  check((await good("listInvites")).invites[0].uses === 2, "the invite in the list");
  await good("revokeInvite", { invite: invite.id });
  const doc = new Y.Doc();
  doc.getText("monaco").insert(0, "imported");
  const update = { body: Y.encodeStateAsUpdate(doc), type: "application/octet-stream" };
  const imported = await good("importNewDocument", {}, update);
  doc.getText("monaco").insert(8, "!");
  await good("importUpdate", { document_id: imported.id }, { ...update, body: Y.encodeStateAsUpdate(doc) });
  const exported = new Y.Doc();
  Y.applyUpdate(exported, (await good("exportDocument", { document_id: imported.id })).bytes);
  check(exported.getText("monaco").toString() === "imported!", "the update to come back");
  const plain = await good("exportDocument", { document_id: imported.id }, { accept: "text/plain" });
  check(plain.text === "imported!", "the text of it");

  const message = await said("postMessage", here);
  const reaction = { ...here, id: message.id };
  await good("react", reaction);
  await good("unreact", reaction);
  await said("editMessage", reaction);
  check((await good("listMessages", here)).messages[0].text === api.example("editMessage").text, "the message edited");
  await good("markRead", here, { body: { moment: message.moment } });
  const comment = await said("postComment", here);
  const thread = { ...here, thread: comment.id };
  await said("postReply", thread);
  check((await good("listReplies", thread)).messages.length === 1, "the reply");
  const about = { ...here, id: comment.id };
  await good("resolveComment", about);
  check((await good("listComments", { ...here, filter: "open" })).messages.length === 0, "no open comment");
  await good("reopenComment", about);
  await good("dismissComment", about);
  await good("acceptComment", { ...here, id: (await good("postComment", here, { body: { text: "?", quote: "three", suggestion: "3" } })).id });
  check((await good("readText", here)).text.includes("one two 3"), "the suggestion in the text");
  await good("deleteMessage", reaction);
  for (const id of ["listMentions", "listActivity"]) await good(id);
  for (const id of ["listParticipants", "listState", "listDocumentActivity"]) await good(id, here);
  await said("setState", here);
  check((await good("listState", here)).state[0].value.status === "running", "the value of the key");
  await good("removeState", here);

  // The stream, for who has no WebSocket.
  const streamAt = `${base}/v1/documents/${made.id}/stream`;
  const stream = new EventStream(context, `${streamAt}?user=u1&name=Ada&color=%23112233`);
  const { session } = await stream.told("stream");
  await stream.told("session");
  check(stream.headers["content-type"] === "text/event-stream" && stream.events[1].id === "2", "events with numbers");
  const other = new EventStream(context, streamAt);
  check((await other.told("session")).participants.some((one) => one.name === "Ada"), "the one to be seen by the other");
  await good("sayPresence", here, { body: { session, status: "idle", typing: false, file: "a.md", viewport: { first: 1, last: 9 }, cursor: { at: 3 } } });
  await other.told("presence_update", ({ participant }) => participant.file === "a.md" && participant.status === "idle");
  await good("postMessage", here, { body: { text: "streamed" } });
  await stream.told("chat_message", (event) => event.message.text === "streamed");
  const again = new EventStream(context, `${streamAt}?user=u1&name=Ada`, { "Last-Event-ID": "7" });
  await again.told("room_reset");
  again.close();
  stream.close();
  await other.told("user_left", (event) => JSON.stringify(event).includes("u1"));
  check((await call("sayPresence", here, { body: { session, typing: true } })).status === 404, "nobody to speak for a stream that ended");

  await said("nameVersion", here);
  const first = await call("readText", here);
  await good("writeText", { ...here, "If-Match": first.headers.get("etag") }, { body: "# Tomorrow\n", type: "text/plain" });
  check((await good("listVersions", here)).versions.some((one) => one.name === "draft"), "the named version");
  check((await good("readVersion", { ...here, at: "draft" })).text.includes("one two 3"), "the version's text");
  check((await good("diffVersions", { ...here, from: "draft" })).changes.length > 0, "a difference");
  await good("blameVersion", here);
  await good("restoreVersion", { ...here, at: "draft" });
  check((await good("readText", here)).text === first.json.text, "what was restored");
  await good("unnameVersion", here);
  await said("changeDocument", here);
  check((await good("getDocument", here)).path === "notes/monday.md", "the document to have moved");
  for (const id of ["archiveDocument", "unarchiveDocument", "trashDocument", "restoreDocument"]) await good(id, here);
  await said("setGuestStanding", here);
  await good("endSession", here);
  const roles = await good("listRoles", here);
  check(roles.session === "ended" && roles.members[0].here === "host", "the session that ended, and its host");
  check(roles.guests.some(({ guest, standing }) => guest === "ada" && standing === "viewer"), "the guest's standing");
  await good("openSession", here);
  check((await good("listRoles", here)).session === "open", "the session to be open again");
  context.log("every operation answers as described");

  // Each with wrong input; the answers are held against the file, too.
  const path = { ...here, id: message.id, thread: comment.id, invite: invite.id, key: "k" };
  const refused = async (status, id, given, options) => {
    const answer = await call(id, given, options);
    check(answer.status === status, `${id} to be refused with ${status}, not ${answer.status} ${answer.text}`);
    return answer;
  };
  for (const [id, operation] of api.operations) {
    if (lasting.includes(id)) {
      if (id === "documentEvents") await refused(426, id, path);
      else await refused(404, id, { ...path, document_id: nowhere });
      continue;
    }
    const types = Object.keys(operation.requestBody?.content ?? {});
    const type = types[0];
    const ours = id === "sayPresence" ? { session: "none" } : id === "markRead" ? { moment: message.moment } : type === "application/octet-stream" ? new Uint8Array(2) : undefined;
    const body = api.example(id) ?? ours;
    const version = id === "writeText" ? { base: first.json.version } : {};
    await refused(400, id, path, { body, type, query: { nonsense: "1", ...version } });
    if (types.includes("application/json")) {
      await refused(400, id, path, { body: { ...body, nonsense: 1 }, query: version });
      for (const name of Object.keys(operation.requestBody.content[type].schema.properties)) {
        if (api.takesAnything(id, name)) continue;
        const wrong = await refused(400, id, path, { body: { ...body, [name]: [null] }, query: version });
        check(wrong.text.includes(`\\"${name}\\"`), `the error to name ${name}: ${wrong.text}`);
      }
    }
    if (types.length > 0) await refused(415, id, path, { body: "x", type: "image/png", query: version });
    if (operation.route.includes("{document_id}")) {
      await refused(404, id, { ...path, document_id: nowhere }, { body, type, query: version });
      await refused(400, id, { ...path, document_id: "x" }, { body, type, query: version });
    }
    if (operation.route.includes("{workspace}")) {
      await refused(404, id, { ...path, workspace: "nowhere" }, { body, type });
    }
    const wrongMethod = await fetch(`${base}${operation.route.replace(/\{\w+\}/g, "x")}`, { method: "TRACE" }).catch(() => null);
    check(wrongMethod === null || wrongMethod.status === 405, "an unknown method to be refused");
    const options = await fetch(`${base}${operation.route.replace(/\{\w+\}/g, "x")}`, { method: "OPTIONS" });
    check(options.status === 204 && options.headers.get("allow").includes(operation.method), `OPTIONS of ${id}`);
  }
  await refused(404, "revokeInvite", { invite: nobody });
  for (const id of ["changeMember", "removeMember", "approveRequest", "denyRequest"]) {
    await refused(404, id, { who: "nobody" }, { body: api.example(id) });
  }
  await refused(404, "setDocumentRole", { ...here, who: "nobody" }, { body: api.example("setDocumentRole") });
  await refused(404, "editMessage", { document_id: imported.id, id: message.id }, { body: { text: "x" } });
  await refused(409, "createDocument", {}, { body: { path: "notes/monday.md" } });
  await refused(400, "listMessages", { ...here, cursor: "x" });
  await refused(413, "listMessages", { ...here, limit: 1000 });
  await refused(406, "readText", here, { accept: "image/png" });
  context.log("wrong input is refused as described");

  // Conditional requests and pages.
  for (const id of ["status", "getDocument", "listDocuments", "readText", "exportDocument", "listVersions"]) {
    if (id === "status") continue; // It counts.
    const given = id === "listDocuments" ? {} : here;
    const etag = (await call(id, given)).headers.get("etag");
    await refused(304, id, { ...given, "If-None-Match": etag });
    await refused(304, id, { ...given, "If-None-Match": `"other", W/${etag}` });
    check((await call(id, { ...given, "If-None-Match": '"other"' })).status === 200, `${id} to be new`);
  }
  const head = await fetch(`${base}/v1/documents/${made.id}`, { method: "HEAD" });
  check(head.status === 200 && head.headers.get("etag") && (await head.text()) === "", "HEAD to have no body");
  for (let i = 0; i < 5; i++) await good("createDocument", {}, { body: { path: `pages/${i}` } });
  for (let i = 0; i < 5; i++) await good("postMessage", here, { body: { text: `message ${i}` } });
  for (const [id, given, member, all] of [
    ["listDocuments", { folder: "pages" }, "documents", 5],
    ["listMessages", here, "messages", 6],
    ["listActivity", {}, "items", 7],
  ]) {
    let seen = 0;
    let url = null;
    for (let cursor = undefined; cursor !== null; ) {
      const page = await call(id, { ...given, limit: 2, cursor });
      check(page.json[member].length <= 2, "a page of two");
      seen += page.json[member].length;
      cursor = page.json.next;
      const link = page.headers.get("link");
      check((link === null) === (cursor === null), "a Link where there is a next page");
      url ??= link?.match(/^<(.*)>; rel="next"$/)[1];
      if (seen > 100) throw new Error(`${id} never ends`);
    }
    check(seen >= all, `${all} in all pages of ${id}, not ${seen}`);
    check((await fetch(base + url)).status === 200, "the linked page");
  }
  context.log("ETags, HEAD, pages and links hold");

  // Never overwrite.
  const shared = await good("createDocument", {}, { body: { path: "shared.md", text: "one two three\n" } });
  const at = { document_id: shared.id };
  const missing = await refused(428, "writeText", at, { body: { text: "mine" } });
  check(missing.text.includes("If-Match"), "the error to say what is missing");
  await refused(428, "writeText", { ...at, "If-Match": "*" }, { body: { text: "mine" } });
  await refused(412, "writeText", { ...at, "If-Match": '"0"' }, { body: { text: "mine" } });
  await refused(412, "writeText", { ...at, base: `${"0".repeat(32)}.1` }, { body: { text: "mine" } });
  const rich = await good("createDocument", {}, { body: { path: "minutes", template: "meeting" } });
  await refused(400, "readText", { document_id: rich.id });

  const editor = new Y.Doc();
  const provider = new WebsocketProvider(`${base.replace("http", "ws")}/sync/demo`, "shared.md", editor, {
    WebSocketPolyfill: WebSocket,
  });
  context.defer(() => provider.destroy());
  await until("the editor is in step", () => provider.synced);
  const [ada, alan] = [new Poller(api, base, shared.id), new Poller(api, base, shared.id)];
  await ada.poll();
  await alan.poll();
  check(!(await alan.poll()), "nothing new to be 304");
  editor.getText("monaco").insert(0, "zero ");
  await until("the editor's word is there", () => ada.poll());
  await ada.put(ada.text.replace("two", "TWO"));
  const merged = await alan.put("one two three four\n");
  check(merged.merged && merged.text === "zero one TWO three four\n", `all three changes: ${merged.text}`);
  await until("the editor has them", () => editor.getText("monaco").toString() === merged.text);

  // At random: each word that anybody wrote stays.
  const words = [];
  const pollers = [ada, alan];
  const random = context.random.next;
  for (let step = 0; step < 120; step++) {
    const word = `w${step}x${Math.floor(random() * 1e6).toString(36)} `;
    words.push(word.trim());
    if (step % 3 === 0) {
      const text = editor.getText("monaco");
      const breaks = [0, ...[...text.toString().matchAll(/[ \n]/g)].map((one) => one.index + 1)];
      text.insert(breaks[Math.floor(random() * breaks.length)], word);
      continue;
    }
    const one = pollers[step % 2];
    if (random() < 0.5) await one.poll();
    const breaks = [0, ...[...one.text.matchAll(/[ \n]/g)].map((match) => match.index + 1)];
    const place = breaks[Math.floor(random() * breaks.length)];
    await one.put(one.text.slice(0, place) + word + one.text.slice(place));
  }
  const end = await until("all have the same", async () => {
    for (const one of pollers) await one.poll();
    const text = editor.getText("monaco").toString();
    return words.every((word) => text.includes(word)) && pollers.every((one) => one.text === text) && text;
  });
  for (const word of words) check(end.split(word).length === 2, `${word} once in ${end}`);
  context.log(`${words.length} words of two pollers and an editor are all there`);

  // Who joins with nodes of their own.
  const ask = async (name) => {
    const asking = new Node(context, name);
    await asking.init();
    await asking.start();
    const { invite: secret } = await good("createInvite", {}, { body: { role: "editor", approval: true } });
    // It waits for its answer, and fails where that is no.
    void asking.cli("join", secret).catch(() => {});
    await until(`${name} asks`, async () => (await good("listMembers")).requests.some((one) => one.name === name));
  };
  await ask("green");
  await good("approveRequest", { who: "green" });
  await until("green is a member", async () => (await good("listMembers")).members.some((one) => one.name === "green"));
  await good("changeMember", { who: "green" }, { body: { role: "commenter" } });
  await good("setDocumentRole", { ...at, who: "green" }, { body: { role: "viewer" } });
  const green = (await good("listRoles", at)).members.find((one) => one.name === "green");
  check(green.role === "commenter" && green.here === "viewer", `green's roles: ${JSON.stringify(green)}`);
  await good("removeMember", { who: "green" });
  check(!(await good("listMembers")).members.some((one) => one.name === "green"), "green to be gone");
  await ask("blue");
  await good("denyRequest", { who: "blue" });
  check((await good("listMembers")).requests.length === 0, "nobody to wait any more");
  context.log("members are let in, given roles, refused and removed");

  // A version outlives the node.
  await node.stop();
  await node.start();
  await until("the editor is in step again", () => provider.synced);
  editor.getText("monaco").insert(0, "after ");
  await until("its word is there", async () => (await good("readText", at)).text.startsWith("after "));
  const late = await ada.put(`${ada.text}late\n`);
  check(late.text === `after ${end}late\n`, `the version of before the restart to be known: ${late.text}`);

  for (const id of api.operations.keys()) {
    if (lasting.includes(id)) continue;
    const statuses = [...api.answered.keys()].filter((key) => key.startsWith(`${id} `)).map((key) => Number(key.split(" ")[1]));
    check(statuses.some((one) => one < 300) && statuses.some((one) => one >= 400), `${id} to be tried with right and wrong input`);
  }
  context.figure("operations", api.operations.size);
  context.figure("requests", [...api.answered.values()].reduce((sum, one) => sum + one, 0));
});
