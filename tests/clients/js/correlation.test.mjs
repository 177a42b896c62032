// What belongs to one matter is followed through all that happens in its name.
import assert from "node:assert/strict";
import { setImmediate } from "node:timers/promises";
import { test } from "node:test";
import { correlationOf, currentCorrelation, noteCorrelation, withCorrelation } from "../../../clients/js/correlation.js";

test("it is in force while a function runs, and in what that waits for", async () => {
  assert.equal(currentCorrelation(), null);
  await withCorrelation("note-1", async () => {
    assert.equal(currentCorrelation(), "note-1");
    await setImmediate();
    assert.equal(currentCorrelation(), "note-1");
    withCorrelation(null, () => assert.equal(currentCorrelation(), null));
    assert.equal(currentCorrelation(), "note-1");
  });
  assert.equal(currentCorrelation(), null);
});

test("two matters at once do not mix", async () => {
  const seen = await Promise.all(
    ["a", "b"].map((id) =>
      withCorrelation(id, async () => {
        await setImmediate();
        return currentCorrelation();
      }),
    ),
  );
  assert.deepEqual(seen, ["a", "b"]);
});

test("that of an event can be continued", () => {
  const event = { type: "app.a" };
  noteCorrelation(event, "note-2");
  assert.equal(correlationOf(event), "note-2");
  assert.equal(withCorrelation(event, currentCorrelation), "note-2");
  assert.equal(withCorrelation({ type: "app.b" }, currentCorrelation), null);
});
