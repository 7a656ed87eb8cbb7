// Opens each page of a directory and checks what a person would: node check.mjs DIRECTORY
//
// Beside NAME.html lies NAME.json: {"cause": the identifier of the first cause, or null; "text": [what must be there];
// "rows": how many connections are listed}.
import { readFileSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { Browser } from "./browser.mjs";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

const directory = resolve(process.argv[2]);
const names = readdirSync(directory).filter((name) => name.endsWith(".html")).sort();
if (names.length === 0) throw new Error(`no page in ${directory}`);
const wrong = [];
const browser = await Browser.start();
let slowest = { ms: 0 };

/** What the page said, and what it asked for, since the last time. */
function noises(url) {
  const said = browser.events("Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded").filter(
    (event) => event.method !== "Log.entryAdded" || event.entry.level === "error" || event.entry.level === "warning");
  const asked = browser.events("Network.requestWillBeSent").map((event) => event.request.url);
  return [...said.map((event) => `said ${JSON.stringify(event)}`),
    ...asked.filter((other) => other.split("#")[0] !== url && !other.startsWith("data:")).map((other) => `asked for ${other}`)];
}

/** Types into a field as a person does. */
const type = (id, text) => browser.value(`(() => { const field = document.getElementById(${JSON.stringify(id)}); field.value = ${JSON.stringify(text)};
  field.dispatchEvent(new Event(field.tagName === "SELECT" ? "change" : "input", { bubbles: true })); })()`);
const listed = () => browser.value(`Array.from(document.querySelectorAll("#rows tbody tr")).filter((tr) => tr.offsetParent !== null).map((tr) => tr.textContent)`);

async function accessible(name, look) {
  await browser.value(AXE + "; undefined");
  // Everything that can be opened is looked at open; of rows that are alike, the first.
  await browser.value(`document.querySelectorAll("#rows tbody tr:nth-child(n+12)").forEach((tr) => tr.remove())`);
  await browser.value(`document.querySelectorAll("details").forEach((details) => { details.open = true; })`);
  const found = await browser.value(`axe.run(document, { resultTypes: ["violations"] }).then((result) => result.violations.map(
    (v) => v.impact + ": " + v.id + ": " + v.help + ": " + v.nodes.slice(0, 3).map((node) => node.html.slice(0, 200)).join(" | ")))`);
  return found.map((fault) => `${look}: ${fault}`);
}

for (const name of names) {
  const expected = JSON.parse(readFileSync(join(directory, name.replace(/\.html$/, ".json")), "utf8"));
  const url = pathToFileURL(join(directory, name)).href;
  const faults = [];
  const expect = (holds, what) => { if (!holds) faults.push(what); };

  await browser.look({ width: 1400 });
  // A machine that is busy with something else is no fault of the page's: the fastest of three counts.
  let ms = Infinity;
  let load = Infinity;
  for (let i = 0; i < 3 && ms >= 2000; i++) {
    await browser.open(url);
    const drawn = await browser.value(`new Promise((done) => requestAnimationFrame(() => setTimeout(() => done(performance.now()))))`);
    load = Math.min(load, await browser.value("performance.getEntriesByType('navigation')[0].loadEventEnd"));
    ms = Math.min(ms, drawn);
  }
  if (ms > slowest.ms) slowest = { ms, name, load };
  expect(ms < 2000, `takes ${Math.round(ms)} ms`);
  faults.push(...noises(url));

  const text = await browser.value("document.body.innerText.replace(/\\s+/g, ' ')");
  for (const part of expected.text) expect(text.includes(part), `does not say: ${part}`);

  if (expected.rows > 0) {
    expect((await listed()).length === expected.rows, `lists ${(await listed()).length} connections, not ${expected.rows}`);
    await type("search", "no such connection");
    expect((await listed()).length === 0, "the search finds what is not there");
    await type("search", "");
    if (expected.cause) {
      await type("search", expected.cause.toUpperCase());
      const found = await listed();
      expect(found.length > 0 && found.every((row) => row.includes(expected.cause)), "the search does not find the cause");
      await type("search", "");
      await type("cause", expected.cause);
      const filtered = await listed();
      expect(filtered.length > 0 && filtered.every((row) => row.includes(expected.cause)), "the filter by cause does not work");
      await type("cause", "");
      await type("outcome", "ok");
      expect((await listed()).every((row) => !row.includes(expected.cause)), "the filter by outcome does not work");
      await type("outcome", "");
    }
    const numbers = () => browser.value(`Array.from(document.querySelectorAll("#rows tbody tr"), (tr) => parseInt(tr.cells[0].textContent, 10))`);
    const press = () => browser.value(`document.querySelector("#rows th button").click()`);
    await press();
    const up = await numbers();
    await press();
    const down = await numbers();
    expect(up.every((n, i) => i === 0 || up[i - 1] <= n) && down.join() === up.reverse().join(), "sorting does not work");
    expect(await browser.value(`document.querySelector("#rows th").getAttribute("aria-sort") === "descending"`), "no aria-sort");
  }
  faults.push(...(await accessible(name, "light")));
  for (const look of [{ width: 1400, dark: true }, { width: 400 }]) {
    await browser.look(look);
    await browser.open(url);
    const over = await browser.value("document.documentElement.scrollWidth - document.documentElement.clientWidth");
    expect(over <= 0, `${look.width} pixels: ${over} too wide`);
    faults.push(...(await accessible(name, look.dark ? "dark" : "narrow")));
  }
  faults.push(...noises(url));
  if (faults.length > 0) wrong.push(`${name}:\n  ${faults.join("\n  ")}`);
}
await browser.stop();
console.log(`${names.length} pages, the slowest (${slowest.name}) loaded after ${Math.round(slowest.load)} ms and drawn after ${Math.round(slowest.ms)} ms`);
if (wrong.length > 0) {
  console.error(wrong.join("\n"));
  process.exit(1);
}
