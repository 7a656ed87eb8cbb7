// Chromium without a window, driven over a pipe by its own protocol: no library stands between the test and the browser.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export const CHROMIUM = process.env.CHROMIUM ?? "chromium";

export class Browser {
  #next = 1;
  #waiting = new Map();
  #events = [];
  #rest = "";

  static async start() {
    const browser = new Browser();
    browser.profile = mkdtempSync(join(tmpdir(), "why502-browser-"));
    const options = ["--headless=new", "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu", "--no-first-run",
      "--disable-background-networking", "--disable-component-update", "--hide-scrollbars", `--user-data-dir=${browser.profile}`];
    browser.process = spawn(CHROMIUM, options, { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] });
    browser.process.stdio[4].setEncoding("utf8");
    browser.process.stdio[4].on("data", (data) => browser.#take(data));
    browser.process.on("error", (error) => { throw error; });
    const { targetId } = await browser.send("Target.createTarget", { url: "about:blank" });
    const { sessionId } = await browser.send("Target.attachToTarget", { targetId, flatten: true });
    browser.session = sessionId;
    for (const domain of ["Page", "Runtime", "Log", "Network"]) await browser.call(`${domain}.enable`);
    return browser;
  }

  #take(data) {
    const messages = (this.#rest + data).split("\0");
    this.#rest = messages.pop();
    for (const message of messages.map((text) => JSON.parse(text))) {
      const waiting = this.#waiting.get(message.id);
      if (waiting) {
        this.#waiting.delete(message.id);
        if (message.error) waiting.reject(new Error(`${waiting.method}: ${message.error.message}`));
        else waiting.resolve(message.result);
      } else {
        this.#events.push(message);
      }
    }
  }

  send(method, params = {}, sessionId = undefined) {
    const id = this.#next++;
    this.process.stdio[3].write(JSON.stringify({ id, method, params, sessionId }) + "\0");
    return new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject, method }));
  }

  /** Asks the page. */
  call(method, params = {}) {
    return this.send(method, params, this.session);
  }

  /** The events of these kinds since the last time that they were asked for. */
  events(...methods) {
    const found = this.#events.filter((event) => methods.includes(event.method));
    this.#events = this.#events.filter((event) => !methods.includes(event.method));
    return found.map((event) => ({ method: event.method, ...event.params }));
  }

  async open(url) {
    this.#events = [];
    await this.call("Page.navigate", { url });
    for (let i = 0; i < 600; i++) {
      if (this.events("Page.loadEventFired").length > 0) return;
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
    throw new Error(`${url} does not load`);
  }

  /** The value of an expression in the page. */
  async value(expression) {
    const { result, exceptionDetails } = await this.call("Runtime.evaluate", { expression, returnByValue: true, awaitPromise: true });
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    return result.value;
  }

  async look({ width, height = 900, dark = false }) {
    await this.call("Emulation.setDeviceMetricsOverride", { width, height, deviceScaleFactor: 1, mobile: false });
    await this.call("Emulation.setEmulatedMedia", { features: [{ name: "prefers-color-scheme", value: dark ? "dark" : "light" }] });
  }

  async screenshot(most = 6000) {
    const { cssContentSize } = await this.call("Page.getLayoutMetrics");
    const clip = { x: 0, y: 0, width: cssContentSize.width, height: Math.min(cssContentSize.height, most), scale: 1 };
    const { data } = await this.call("Page.captureScreenshot", { captureBeyondViewport: true, clip });
    return Buffer.from(data, "base64");
  }

  async pdf() {
    const { data } = await this.call("Page.printToPDF", { printBackground: false, preferCSSPageSize: true });
    return Buffer.from(data, "base64");
  }

  async stop() {
    await this.send("Browser.close").catch(() => {});
    await new Promise((resolve) => (this.process.exitCode === null ? this.process.once("exit", resolve) : resolve()));
    rmSync(this.profile, { recursive: true, force: true });
  }
}
