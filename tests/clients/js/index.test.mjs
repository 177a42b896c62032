// What the declarations for TypeScript promise is there, and nothing else is shown.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import * as exported from "../../../clients/js/index.js";
import { Subscription } from "../../../clients/js/subscription.js";

const declared = readFileSync(new URL("../../../clients/js/index.d.ts", import.meta.url), "utf8");

/** Names of the methods and properties of a declared class. */
function membersOf(name) {
  const body = declared.match(new RegExp(`export class ${name}\\b[^{]*\\{\\n(.*?)\\n\\}`, "s"))[1];
  const names = [...body.matchAll(/^ {2}(?:readonly )?(\w+)[(<:]/gm)].map(([, found]) => found);
  return new Set(names.filter((found) => !["constructor", "private"].includes(found)));
}

const membersThere = ({ prototype }) => new Set(Object.getOwnPropertyNames(prototype).filter((name) => name !== "constructor" && !name.startsWith("_")));

test("every class and function that is declared is exported, and no other", () => {
  const names = [...declared.matchAll(/^export (?:class|function) (\w+)/gm)].map(([, name]) => name);
  assert.deepEqual(new Set(Object.keys(exported)), new Set(names.filter((name) => name !== "Subscription")));
});

test("the members of a client and of a subscription are those that are declared", () => {
  const [client, subscription] = [membersOf("Client"), membersOf("Subscription")];
  assert.ok(client.delete("name") && subscription.delete("patterns"), "these are set when they are made");
  assert.deepEqual(membersThere(exported.Client), client);
  assert.deepEqual(membersThere(Subscription), subscription);
});
