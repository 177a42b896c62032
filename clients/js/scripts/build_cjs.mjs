// Makes the CommonJS build of the client, with types: `require("undercroft-client")`. npm runs it before it packs.
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { build } from "esbuild";

const here = new URL("..", import.meta.url);
const built = new URL("cjs/", here);

await mkdir(built, { recursive: true });
await build({
  absWorkingDir: new URL(here).pathname,
  entryPoints: ["index.js"],
  outfile: "cjs/index.cjs",
  bundle: true,
  packages: "external",
  platform: "node",
  format: "cjs",
  target: "node20",
});
for (const name of ["index", "events"]) {
  const types = await readFile(new URL(`${name}.d.ts`, here), "utf8");
  await writeFile(new URL(`${name}.d.cts`, built), types.replaceAll('"./events.js"', '"./events.cjs"'));
}
