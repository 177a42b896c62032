// A broker of a few lines, on real sockets, that says what a test wants it to say.
import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { unpack } from "../../../../clients/js/decoder.js";
import { pack } from "../../../../clients/js/encoder.js";
import { connect } from "../../../../clients/js/index.js";
import { framesOf } from "./runs.mjs";

const { Router, XPublisher } = createRequire(new URL("../../../../clients/js/index.js", import.meta.url))("zeromq");

export class FakeBroker {
  epoch = "e1";
  said = []; // {verb, header, body}
  answers = {}; // verb -> what is done about it
  #directory = mkdtempSync(join(tmpdir(), "fake-"));
  #lane = new Router({ linger: 0, sendHighWaterMark: 0 });
  #feed = new XPublisher({ linger: 0, sendHighWaterMark: 0 });
  #peers = new Map(); // name -> routing id
  #waiting = [];
  #clients = [];

  static async start() {
    const broker = new FakeBroker();
    broker.runtime = {
      protocol: 2,
      app: "test",
      pid: process.pid,
      lane: `ipc://${broker.#directory}/lane`,
      feed: `ipc://${broker.#directory}/feed`,
      token: "token",
      curve: null,
    };
    await broker.#lane.bind(broker.runtime.lane);
    await broker.#feed.bind(broker.runtime.feed);
    broker.#listen();
    broker.#drainSubscriptions();
    return broker;
  }

  /** A client of this broker. */
  async client(name = "me", options = {}) {
    const client = await connect({ name, runtime: this.runtime, ...options });
    this.#clients.push(client);
    return client;
  }

  async stop() {
    for (const client of this.#clients) await client.close();
    this.#lane.close();
    this.#feed.close();
    rmSync(this.#directory, { recursive: true });
  }

  say(name, verb, header, ...body) {
    return this.sayFrames(name, [Buffer.from(verb), pack(header), ...body]);
  }

  sayFrames(name, frames) {
    return this.#lane.send([this.#peers.get(name), ...frames]);
  }

  publish(run) {
    return this.#feed.send(framesOf(run));
  }

  publishFrames(frames) {
    return this.#feed.send(frames);
  }

  /** The next thing that is said with this verb, or was already and nobody has waited for. */
  async heard(verb) {
    while (true) {
      const at = this.said.findIndex((each) => each.verb === verb);
      if (at >= 0) return this.said.splice(at, 1)[0];
      await new Promise((resolve) => this.#waiting.push(resolve));
    }
  }

  async #listen() {
    for await (const [peer, verb, header, ...body] of this.#lane) {
      const said = { verb: verb.toString(), header: unpack(header), body, peer };
      if (said.verb === "HELLO") this.#peers.set(said.header[1], peer);
      await (this.answers[said.verb] ?? this.#usual[said.verb])?.(said);
      this.said.push(said);
      for (const resolve of this.#waiting.splice(0)) resolve();
    }
  }

  #usual = {
    HELLO: ({ peer }) => this.#reply(peer, "WELCOME", [2, this.epoch, 0, 0, "public", "guest"]),
    PUBLISH: ({ peer, header }) => this.#reply(peer, "ACCEPTED", [header[0], 0]),
    SERVE: ({ peer, header }) => this.#reply(peer, "SERVE", header),
    SNAPSHOT: ({ peer, header }) => this.#reply(peer, "SNAPSHOT", [header[0], this.epoch, 0, {}, 0]),
  };

  #reply(peer, verb, header, ...body) {
    return this.#lane.send([peer, Buffer.from(verb), pack(header), ...body]);
  }

  async #drainSubscriptions() {
    for await (const [message] of this.#feed) {
      this.said.push({ verb: message[0] ? "SUBSCRIBE" : "UNSUBSCRIBE", header: message.subarray(1).toString() });
      for (const resolve of this.#waiting.splice(0)) resolve();
    }
  }
}
