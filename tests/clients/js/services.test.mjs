// The broker answers SERVEs in order, and forgets services with the connection.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Services } from "../../../clients/js/services.js";

/** Services of some topics, what was said, and what became of those who wait. */
function serving(...topics) {
  const [said, outcomes] = [[], {}];
  const services = new Services((topic) => said.push(topic));
  for (const topic of topics) {
    services.add(topic, () => (outcomes[topic] = "served"), (error) => (outcomes[topic] = error));
    services.ask(topic);
  }
  return { services, said, outcomes };
}

test("answers go to those who asked, in order", () => {
  const { services, said, outcomes } = serving("app.a", "app.b", "app.c");
  assert.deepEqual(said, ["app.a", "app.b", "app.c"]);
  services.answered(null);
  assert.equal(services.next, "app.b");
  services.answered("refused");
  services.answered(null);
  assert.deepEqual(outcomes, { "app.a": "served", "app.b": "refused", "app.c": "served" });
});

test("on a new connection everything is asked for again, but for what was refused", () => {
  const { services, said } = serving("app.a", "app.b");
  services.answered(null);
  services.answered("refused");
  said.length = 0;
  services.startOver();
  assert.deepEqual(said, ["app.a"]);
});

test("what was not answered on a connection that ended is never answered", () => {
  const { services } = serving("app.a", "app.b");
  services.startOver();
  services.answered(null);
  services.answered(null);
  assert.equal(services.next, undefined);
});

test("what was confirmed before and is refused now is asked for again, once each time", () => {
  const { services, said } = serving("app.a");
  services.answered(null);
  services.startOver();
  services.answered("refused");
  said.length = 0;
  services.retry();
  services.retry();
  assert.deepEqual(said, ["app.a"]);
});

test("an answer that nobody asked for changes nothing", () => {
  const { services, outcomes } = serving();
  services.answered(null);
  services.answered("refused");
  assert.deepEqual(outcomes, {});
});

test("those who wait are told when it is abandoned", () => {
  const { services, outcomes } = serving("app.a");
  services.abandon((topic) => `${topic} is over`);
  assert.deepEqual(outcomes, { "app.a": "app.a is over" });
});
