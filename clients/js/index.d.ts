import type { AnyEvent, EventOf, GapEvent, ReplyTo, Topic } from "./events.js";

export type * from "./events.js";

/** An event of an app's own: a map whose `type` is its topic. */
export interface PlainEvent {
  type: string;
  [field: string]: unknown;
}

/** An event of the contract has the type that the contract declares. */
type OfApp<T extends string> = T extends Topic ? never : unknown;

/** Events of a topic, or of a pattern such as `models.*` or `*`. */
export type EventsOf<P extends string> = P extends Topic
  ? EventOf[P]
  : P extends `${infer C}.*`
    ? Extract<AnyEvent, { type: `${C}.${string}` }> extends never
      ? PlainEvent
      : Extract<AnyEvent, { type: `${C}.${string}` }>
    : P extends "*"
      ? AnyEvent | PlainEvent
      : PlainEvent;

export type FailureKind = "no_responder" | "restarting" | "died" | "deadline" | "busy" | "refused" | "invalid";

/** Root of every error that this package throws on purpose. */
export class ClientError extends Error {}

/** No runtime can be reached. */
export class NotRunning extends ClientError {
  readonly path: string;
  readonly detail: string;
}

/** A `runtime.json`, or the directory of the sockets, is not ours alone, so that it is not believed. `command` mends that. */
export class UnsafePlace extends NotRunning {
  readonly command: string;
}

/**
 * The broker does not admit this client, or admits it no longer. `displaced`: another connection has the name now. After that, and after
 * `reserved_name`, `wrong_version` and `invalid_name`, the client never tries again.
 */
export class HelloRefused extends ClientError {
  readonly peer: string;
  readonly reason:
    | "wrong_version"
    | "wrong_token"
    | "invalid_name"
    | "duplicate_name"
    | "reserved_name"
    | "peers_full"
    | "displaced"
    | "denied"
    | "unsafe_place"
    | (string & {});
  readonly detail: string;
}

/** A request had an outcome other than its reply. */
export class RequestFailed extends ClientError {
  readonly kind: FailureKind;
  readonly detail: string;
  readonly topic: string;
}

/**
 * An event has no place in the order. `reason`: of the broker, such as `unknown_topic` or `not_yours`; or of this client, which does not
 * send what could not be read: `malformed`, `oversize`, `unsendable`, `unknown_field`; or `left`.
 */
export class PublishRefused extends ClientError {
  readonly topic: string;
  readonly reason: string;
  readonly detail: string;
}

/** Thrown by a handler: the request is understood, and the answer is no. */
export class Refused extends ClientError {}

/** The content of `runtime.json`. */
export interface Runtime {
  protocol: 2;
  app: string;
  pid: number;
  started_at: number;
  profile?: string;
  lane: string;
  feed: string;
  token: string;
  curve?: { server_public: string; client_public: string; client_secret: string } | null;
}

/** Bytes that are no MessagePack, or hold what may not stand in an event. */
export class Unreadable extends Error {}

/** The value in these bytes: MessagePack as events use it. Throws Unreadable. */
export function unpack(bytes: Uint8Array): unknown;

/** The path of `runtime.json` of an app, or of the runtime below `home`. */
export function runtimePath(options?: { app?: string; home?: string; environ?: Record<string, string | undefined> }): string;

/** Read `runtime.json`. Throws NotRunning. */
export function readRuntime(path: string): Runtime;

export interface ConnectOptions {
  /** Unique among those connected; without one, a random name. */
  name?: string;
  app?: string;
  home?: string;
  /** Connect to this runtime, in place of that of an app or home. */
  runtime?: Runtime;
  /** Proves the name. Without one, that in UNDERCROFT_CREDENTIAL if it was made for this name and runtime; else the client is a guest. */
  credential?: string | null;
  timeoutSeconds?: number;
}

/** Connect to a runtime. The client reconnects by itself until it is closed. Throws NotRunning or HelloRefused. */
export function connect(options?: ConnectOptions): Promise<Client>;

export interface PublishOptions {
  /** What the event is retained under. */
  key?: string | null;
  /** Id of the matter that it belongs to; without one, that in force. */
  correlation?: string | null;
  /** Resolve only once the slowest subscriber trails by at most 16,384 events. */
  waitForSubscribers?: boolean;
}

export interface RequestOptions {
  timeoutSeconds?: number;
  /** Id of the matter that it belongs to; without one, that in force. */
  correlation?: string | null;
}

/** About a request that a handler answers. */
export interface Asked {
  /** Name of the peer that asks. */
  source: string;
  /** In force while the handler runs: what it publishes and asks carries it. */
  correlation: string;
}

/** What `askThenFollow` hands on. */
export type Followed<R, E> =
  /** The state as of now: it replaces everything that came before. */
  | { kind: "reply"; event: R }
  /** A change that is not in the reply: to be merged. */
  | { kind: "event"; event: E };

/** What a client counted. */
export interface Statistics {
  /** Messages, events, requests and replies that could not be read. */
  unreadable: number;
  /** Messages of later versions, and answers that nobody waits for. */
  ignored: number;
  /** Faults of this client itself. */
  faults: number;
}

/** The correlation with which an event or a request came, or of the request that a reply answers; null: it had none. */
export function correlationOf(event: object): string | null;

/** Call `run`; what it publishes and asks meanwhile carries this correlation, or that of this event. */
export function withCorrelation<T>(correlation: string | object | null, run: () => T): T;

export class Client {
  private constructor();
  readonly name: string;
  /** Id of this life of the client, as the headers of its events show it. */
  readonly instance: string;
  /** `named` if the client proved its name with a credential. */
  readonly role: "named" | "guest";
  /** The life of the broker that admitted this client last. */
  readonly epoch: string;
  /** Whether the broker has admitted this client, and the connection stands as far as is known. */
  readonly isConnected: boolean;
  /** By how many events the slowest subscriber trails behind what this client published last. */
  readonly behind: number;
  readonly statistics: Statistics;

  /** Publish an event, retained under `key` if there is one. Resolves once it has its place in the order. */
  publish<T extends string>(event: AnyEvent | (PlainEvent & { type: T } & OfApp<T>), options?: PublishOptions): Promise<void>;

  /** Withdraw the event of this topic that is retained under a key. Resolves once the broker has done it. */
  withdraw(topic: string, key: string, options?: { correlation?: string | null }): Promise<void>;

  /** Send a request. Resolves with its reply, or rejects with RequestFailed. */
  request<T extends keyof ReplyTo>(event: EventOf[T] & { type: T }, options?: RequestOptions): Promise<ReplyTo[T]>;
  request<T extends string>(event: PlainEvent & { type: T } & OfApp<T>, options?: RequestOptions): Promise<PlainEvent>;

  /** Serve requests of this topic from now on. */
  serve<T extends keyof ReplyTo>(topic: T, answer: (request: EventOf[T], asked: Asked) => ReplyTo[T] | Promise<ReplyTo[T]>): Promise<void>;
  serve(topic: string, answer: (request: PlainEvent, asked: Asked) => PlainEvent | Promise<PlainEvent>): Promise<void>;

  /** Hear events of these topics or patterns, retained ones first. */
  subscribe<P extends string>(...patterns: P[]): Promise<Subscription<EventsOf<P> | GapEvent>>;

  /**
   * Ask for a state and follow its changes as one stream, in which nothing old replaces anything new: the reply, then the events that it
   * does not contain. After a gap, and when the server has restarted, a fresh reply comes. The first failure to answer is thrown.
   */
  askThenFollow<T extends keyof ReplyTo, P extends string>(
    request: EventOf[T] & { type: T },
    patterns: P | readonly P[],
    options?: RequestOptions,
  ): AsyncGenerator<Followed<ReplyTo[T], EventsOf<P>>, void, undefined>;
  askThenFollow<T extends string, P extends string>(
    request: PlainEvent & { type: T } & OfApp<T>,
    patterns: P | readonly P[],
    options?: RequestOptions,
  ): AsyncGenerator<Followed<PlainEvent, EventsOf<P>>, void, undefined>;

  /** Leave the bus. `returning`: requests to this client fail as `restarting` until it is back. */
  close(options?: { returning?: boolean }): Promise<void>;
}

/** Events in order. Events that are lost for good, or cannot be read, show as `bus.gap`. */
export class Subscription<E> implements AsyncIterable<E> {
  private constructor();
  readonly patterns: string[];
  readonly isClosed: boolean;
  /** The next event; undefined once the subscription is closed. */
  next(): Promise<E | undefined>;
  /** Stop listening. */
  close(): void;
  [Symbol.asyncIterator](): AsyncIterator<E>;
}
