// The panel beside a document: people and chat, as somebody uses it.

import { until } from "./scenario.mjs";

export class ChatPanel {
  constructor(page) {
    this.page = page;
  }

  async open() {
    await this.page.click(".panel-button");
    await this.page.click("#tab-chat");
    await this.page.waitForSelector(".composer textarea");
  }

  close() {
    return this.page.click(".tabs button[aria-label=Close]");
  }

  async say(text) {
    await this.page.fill(".composer textarea", text);
    await this.page.press(".composer textarea", "Enter");
    await until(`“${text}” is sent`, async () => (await this.messages()).includes(text));
  }

  messages() {
    return this.page.$$eval(".message", (all) =>
      all.map((one) => one.querySelector(".message-text, .tombstone").textContent));
  }

  authors() {
    return this.page.$$eval(".message-head strong", (all) => all.map((one) => one.textContent));
  }

  own() {
    return this.page.$$eval(".message", (all) => all.map((one) => one.dataset.own));
  }

  typing() {
    return this.page.textContent(".typing");
  }

  row(text) {
    return this.page.locator(".message", { hasText: text }).first();
  }

  async button(text, name) {
    await this.row(text).hover();
    await this.row(text).locator(".message-tools").getByRole("button", { name, exact: true }).click();
  }

  tools(text) {
    return this.row(text).locator(".message-tools button").allTextContents();
  }

  people() {
    return this.page.$$eval(".people-list li", (all) =>
      all.map((one) => ({ id: one.dataset.person, status: one.dataset.status, text: one.textContent })));
  }

  async idOf(name) {
    return (await this.people()).find(({ text }) => text.includes(name))?.id;
  }
}
