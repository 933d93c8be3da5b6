// The REST interface as docs/API/openapi.json describes it: requests are made of it, answers held
// against it.

import { readFileSync } from "node:fs";
import path from "node:path";

import { Validator } from "@seriousme/openapi-schema-validator";
import Ajv from "ajv/dist/2020.js";

import { check, root } from "./scenario.mjs";

const file = path.join(root, "docs/API/openapi.json");

export class Api {
  /** How often each operation was answered with each status. */
  answered = new Map();

  constructor(description) {
    this.description = description;
    this.ajv = new Ajv({ strict: false, allErrors: true, formats: { binary: true } });
    this.ajv.addSchema({ $id: "openapi", components: description.components });
    this.operations = new Map();
    for (const [route, item] of Object.entries(description.paths)) {
      for (const [method, operation] of Object.entries(item)) {
        if (method === "parameters") continue;
        const parameters = [...(item.parameters ?? []), ...(operation.parameters ?? [])];
        this.operations.set(operation.operationId, { route, method: method.toUpperCase(), ...operation, parameters });
      }
    }
  }

  static async load() {
    const description = JSON.parse(readFileSync(file, "utf8"));
    const valid = await new Validator().validate(structuredClone(description));
    check(valid.valid, `a valid OpenAPI file: ${JSON.stringify(valid.errors)}`);
    return new Api(description);
  }

  resolved(thing) {
    if (!thing?.$ref) return thing;
    return thing.$ref.slice(2).split("/").reduce((at, key) => at[key], this.description);
  }

  parameters(operation) {
    return operation.parameters.map((one) => this.resolved(one));
  }

  /** Whether a member of a request's body is refused by nobody who reads only the request. */
  takesAnything(id, name) {
    const { properties } = this.operations.get(id).requestBody.content["application/json"].schema;
    // Read by whoever reads the events, and the tokens.
    if (id === "sayPresence" || (id === "createToken" && name === "documents")) return name !== "session";
    return properties[name].type === undefined && properties[name].$ref === undefined && !properties[name].enum;
  }

  /** The example of a request's body of that media type. */
  example(id, type = "application/json") {
    return structuredClone(this.operations.get(id).requestBody?.content[type]?.example);
  }

  #holds(schema, value, what) {
    const text = JSON.stringify(schema).replaceAll('"#/components/', '"openapi#/components/');
    const validate = this.ajv.compile(JSON.parse(text));
    check(validate(value), `${what}: ${this.ajv.errorsText(validate.errors)} in ${JSON.stringify(value)?.slice(0, 400)}`);
  }

  /**
   * Calls the operation `id` at `base` with `given` parameters of path, query and header by name, and
   * those that have an example with that. The answer is held against the description.
   */
  async call(base, id, given = {}, { body, type, accept, method, query = {} } = {}) {
    const operation = this.operations.get(id);
    check(operation, `an operation ${id}`);
    let route = operation.route;
    const search = new URLSearchParams(query);
    const headers = {};
    for (const one of this.parameters(operation)) {
      const value = given[one.name] ?? (one.in === "path" || one.required ? one.example : undefined);
      if (one.in === "path") route = route.replace(`{${one.name}}`, encodeURIComponent(value));
      if (value === undefined || value === null) continue;
      if (one.in === "query") search.set(one.name, value);
      if (one.in === "header") headers[one.name] = value;
    }
    check(!route.includes("{"), `all parameters of ${route}`);
    if (accept) headers.Accept = accept;
    let content = body;
    if (body !== undefined) {
      const isBytes = typeof body === "string" || body instanceof Uint8Array;
      headers["Content-Type"] = type ?? "application/json";
      if (!isBytes) content = JSON.stringify(body);
    }
    const url = `${base}${route}${search.size > 0 ? `?${search}` : ""}`;
    const response = await fetch(url, { method: method ?? operation.method, headers, body: content });
    const bytes = new Uint8Array(await response.arrayBuffer());
    const answer = { status: response.status, headers: response.headers, bytes, text: new TextDecoder().decode(bytes) };
    this.#hold(operation, answer, `${method ?? operation.method} ${url}`);
    const key = `${id} ${response.status}`;
    this.answered.set(key, (this.answered.get(key) ?? 0) + 1);
    return answer;
  }

  #hold(operation, answer, what) {
    const described = this.resolved(operation.responses[answer.status] ?? (answer.status >= 400 ? operation.responses.default : null));
    check(described, `${what} to answer as described, not ${answer.status} ${answer.text.slice(0, 300)}`);
    for (const [name, header] of Object.entries(described.headers ?? {})) {
      const { required, schema } = this.resolved(header);
      const value = answer.headers.get(name);
      check(value !== null || !required, `${what}: the header ${name}`);
      if (value !== null) this.#holds(schema, value, `${what}: ${name}`);
    }
    if (!described.content) return check(answer.bytes.length === 0, `${what}: no body`);
    const type = answer.headers.get("content-type").split(";")[0];
    const content = described.content[type];
    check(content, `${what}: one of ${Object.keys(described.content)}, not ${type}`);
    if (type !== "application/json") return;
    answer.json = JSON.parse(answer.text);
    this.#holds(content.schema, answer.json, what);
  }
}
