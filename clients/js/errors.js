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

/** The broker does not admit this client. `reason`: wrong_version, wrong_token, invalid_name, duplicate_name or denied. */
export class HelloRefused extends ClientError {
  constructor(peer, reason, detail) {
    super(`the broker refuses peer '${peer}': ${reason}: ${detail}`);
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
