// What can go wrong between a client and the runtime.

/** Root of every error that this package throws on purpose. */
export class ClientError extends Error {
  get name() {
    return this.constructor.name;
  }
}

/** No runtime can be reached. */
export class NotRunning extends ClientError {
  constructor(path, detail) {
    super(`no Undercroft runtime at ${path}: ${detail}; start it with 'undercroft up'`);
    Object.assign(this, { path, detail });
  }
}

/** A `runtime.json`, or the directory of the sockets, is not ours alone; `command` mends that. */
export class UnsafePlace extends NotRunning {
  constructor(path, detail, command) {
    super(path, detail);
    this.message = `${path}: ${detail}, so what lies there cannot be trusted; run: ${command}`;
    this.command = command;
  }
}

const NEXT_STEPS = {
  displaced: "this client has ended; connect again under another name, or end the other one first",
  duplicate_name: "end the other one first, or connect under another name",
  peers_full: "end peers that are not needed, then connect again",
  reserved_name: "connect under another name, or with the credential that the runtime made for this one (UNDERCROFT_CREDENTIAL)",
  wrong_version: "update the older one of the two",
};

/** The broker does not admit this client, or admits it no longer; `reason` says why, such as `reserved_name` or `displaced`. */
export class HelloRefused extends ClientError {
  constructor(peer, reason, detail) {
    const step = Object.hasOwn(NEXT_STEPS, reason) ? `; ${NEXT_STEPS[reason]}` : "";
    super(`the broker refuses peer '${peer}': ${reason}: ${detail}${step}`);
    Object.assign(this, { peer, reason, detail });
  }
}

/** A request had an outcome other than its reply; `kind` says which. */
export class RequestFailed extends ClientError {
  constructor(kind, detail, topic = "") {
    super(`${topic || "request"}: ${kind}: ${detail}`);
    Object.assign(this, { kind, detail, topic });
  }
}

/** The broker gave an event no place in the order. */
export class PublishRefused extends ClientError {
  constructor(topic, reason, detail) {
    super(`${topic}: not published: ${reason}: ${detail}`);
    Object.assign(this, { topic, reason, detail });
  }
}

/** Thrown by a handler: the request is understood, and the answer is no. */
export class Refused extends ClientError {}
