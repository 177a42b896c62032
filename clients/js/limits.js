// What the protocol allows, from bus/PROTOCOL.md.

export const PROTOCOL_VERSION = 2;
export const BODY_LIMIT_BYTES = 16 * 1024 * 1024;
export const EVENT_LIMIT_BYTES = BODY_LIMIT_BYTES - 5;
export const FRAME_LIMIT_BYTES = BODY_LIMIT_BYTES + 1024;
export const TOPIC_LIMIT_BYTES = 128;
export const KEY_LIMIT_CHARACTERS = 512;
export const CORRELATION_LIMIT_CHARACTERS = 128;
export const PATTERN_LIMIT = 1024;
export const RUN_LIMIT_EVENTS = 65_536;
export const TIMEOUT_LIMIT_MILLISECONDS = 86_400_000;
export const HEARD_EVERY_EVENTS = 8192;
export const BEHIND_LIMIT_EVENTS = 16_384;
