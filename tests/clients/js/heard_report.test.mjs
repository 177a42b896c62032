// The broker is told every 8,192 events how far the slowest subscription has come.
import assert from "node:assert/strict";
import { test } from "node:test";
import { HeardReport } from "../../../clients/js/heard_report.js";

test("a report is due every 8,192 events of a topic", () => {
  const report = new HeardReport();
  report.expect("app.a", "me", 100);
  assert.equal(report.handedOn("app.a", "me", 8291), null);
  assert.equal(report.handedOn("app.a", "me", 8292), 8292);
  assert.equal(report.handedOn("app.a", "me", 8293), null);
  assert.equal(report.handedOn("app.a", "me", 20_000), 20_000);
});

test("the slowest subscription counts, until it ends", () => {
  const report = new HeardReport();
  for (const each of ["fast", "slow"]) report.expect("app.a", each, 0);
  assert.equal(report.handedOn("app.a", "fast", 9000), null);
  assert.equal(report.handedOn("app.a", "slow", 8500), 8500);
  report.leave("slow");
  assert.equal(report.handedOn("app.a", "fast", 20_000), 20_000);
});

test("a new broker counts anew", () => {
  const report = new HeardReport();
  report.expect("app.a", "me", 50_000);
  report.startOver();
  assert.equal(report.handedOn("app.a", "me", 60_000), null);
  report.expect("app.a", "me", 0);
  assert.equal(report.handedOn("app.a", "me", 8192), 8192);
});

test("a number that is older than one before changes nothing", () => {
  const report = new HeardReport();
  report.expect("app.a", "me", 0);
  report.handedOn("app.a", "me", 8192);
  assert.equal(report.handedOn("app.a", "me", 5), null);
  assert.equal(report.handedOn("app.a", "me", 16_384), 16_384);
});
