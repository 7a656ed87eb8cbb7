// Pictures of a page, to be looked at: node pictures.mjs PAGE DIRECTORY
import { mkdirSync, writeFileSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { Browser } from "./browser.mjs";

const [page, directory] = process.argv.slice(2);
const name = basename(page, ".html");
mkdirSync(directory, { recursive: true });
const browser = await Browser.start();
try {
  for (const [look, kind] of [[{ width: 1400 }, "wide"], [{ width: 400 }, "narrow"], [{ width: 1400, dark: true }, "dark"]]) {
    await browser.look(look);
    await browser.open(pathToFileURL(resolve(page)));
    writeFileSync(join(directory, `${name}-${kind}.png`), await browser.screenshot());
  }
  writeFileSync(join(directory, `${name}.pdf`), await browser.pdf());
} finally {
  await browser.stop();
}
