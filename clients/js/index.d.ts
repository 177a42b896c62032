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

/** The broker does not admit this client. */
export class HelloRefused extends ClientError {
  readonly reason: "wrong_version" | "wrong_token" | "invalid_name" | "duplicate_name" | "denied";
  readonly detail: string;
}

/** A request had an outcome other than its reply. */
export class RequestFailed extends ClientError {
  readonly kind: FailureKind;
  readonly detail: string;
  readonly topic: string;
}

/** The broker gave an event no place in the order. `reason`: such as `unknown_topic`. */
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
  lane: string;
  feed: string;
  token: string;
  curve?: { server_public: string; client_public: string; client_secret: string } | null;
}

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
  timeoutSeconds?: number;
}

/** Connect to a runtime. The client reconnects by itself until it is closed. Throws NotRunning or HelloRefused. */
export function connect(options?: ConnectOptions): Promise<Client>;

export class Client {
  private constructor();
  readonly name: string;
  /** Random id of this life of the client. */
  readonly instance: string;
  /** The life of the broker that admitted this client last. */
  readonly epoch: string;
  /** Whether the broker has admitted this client, and the connection stands as far as is known. */
  readonly isConnected: boolean;

  /** Publish an event, retained under `key` if there is one. Resolves once it has its place in the order. */
  publish<T extends string>(event: AnyEvent | (PlainEvent & { type: T } & OfApp<T>), options?: { key?: string | null }): Promise<void>;

  /** Send a request. Resolves with its reply, or rejects with RequestFailed. */
  request<T extends keyof ReplyTo>(event: EventOf[T] & { type: T }, options?: { timeoutSeconds?: number }): Promise<ReplyTo[T]>;
  request<T extends string>(event: PlainEvent & { type: T } & OfApp<T>, options?: { timeoutSeconds?: number }): Promise<PlainEvent>;

  /** Serve requests of this topic from now on. */
  serve<T extends keyof ReplyTo>(topic: T, answer: (request: EventOf[T]) => ReplyTo[T] | Promise<ReplyTo[T]>): Promise<void>;
  serve(topic: string, answer: (request: PlainEvent) => PlainEvent | Promise<PlainEvent>): Promise<void>;

  /** Hear events of these topics or patterns, retained ones first. */
  subscribe<P extends string>(...patterns: P[]): Promise<Subscription<EventsOf<P> | GapEvent>>;

  /** Leave the bus. `returning`: requests to this client fail as `restarting` until it is back. */
  close(options?: { returning?: boolean }): Promise<void>;
}

/** Events in order. Events that are lost for good show as `bus.gap`. */
export class Subscription<E> implements AsyncIterable<E> {
  private constructor();
  readonly patterns: string[];
  /** The next event; undefined once the subscription is closed. */
  next(): Promise<E | undefined>;
  /** Stop listening. */
  close(): void;
  [Symbol.asyncIterator](): AsyncIterator<E>;
}
