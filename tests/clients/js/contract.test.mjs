// A field that the contract does not have is found before it is ignored.
import assert from "node:assert/strict";
import { test } from "node:test";
import { misspelt } from "../../../clients/js/contract.js";

test("a misspelt field is found, and the one that is meant is named", () => {
  assert.equal(misspelt({ type: "state.save", key: "a", value: 1, expectedRevision: 9 }), "state.save has no field expectedRevision; expected_revision is meant");
  assert.match(misspelt({ type: "models.install", modelId: "w" }), /model_id is meant/);
});

test("one within a list as well", () => {
  const batch = { type: "state.save_batch", operations: [{ type: "save", key: "a", value: 1 }, { type: "save", key: "b", "expected-revision": 9 }] };
  assert.equal(misspelt(batch), "state.save_batch.operations[1] has no field expected-revision; expected_revision is meant");
});

test("a field that nothing sounds like is found, and those that there are are named", () => {
  assert.match(misspelt({ type: "models.install", model_id: "w", colour: 1 }), /no field colour in contract [\d.]+; its fields: .*model_id/);
  assert.match(misspelt(JSON.parse('{"type": "models.install", "__proto__": 1}')), /no field __proto__/);
});

test("what an app puts into a value of its own is its own affair", () => {
  assert.equal(misspelt({ type: "state.save", key: "a", value: { expectedRevision: 9, anyThing: [{ atAll: 1 }] }, expected_revision: 3 }), null);
  assert.equal(misspelt({ type: "app.window_opened", anyThing: 1 }), null);
  for (const type of ["constructor", "__proto__", "toString"]) assert.equal(misspelt({ type, a: 1 }), null);
});

test("a field that is undefined is not sent, so it is not missed", () => {
  assert.equal(misspelt({ type: "models.install", model_id: "w", colour: undefined }), null);
});
