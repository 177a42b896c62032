// Finds fields that an event of the contract does not have, before they are ignored. Pure.
import { CONTRACT_VERSION, STRUCTURES, TOPICS } from "./event_fields.js";

/** What is wrong with the fields of an event, in words; null: nothing, or the contract does not know it. */
export function misspelt(event) {
  return Object.hasOwn(TOPICS, event.type) ? misspeltIn(event, TOPICS[event.type], event.type) : null;
}

function misspeltIn(value, name, place) {
  if (Array.isArray(value)) return firstOf(value, (item, i) => misspeltIn(item, name, `${place}[${i}]`));
  if (typeof value !== "object" || value === null) return null;
  const fields = STRUCTURES[name];
  return firstOf(Object.keys(value), (field) => {
    if (Object.hasOwn(fields, field)) return misspeltBelow(value[field], fields[field], `${place}.${field}`);
    if (value[field] === undefined) return null;
    const meant = Object.keys(fields).find((known) => asHeard(known) === asHeard(field));
    const known = Object.keys(fields).join(", ") || "none";
    return `${place} has no field ${field}${meant ? `; ${meant} is meant` : ` in contract ${CONTRACT_VERSION}; its fields: ${known}`}`;
  });
}

/** `kind`: empty for a plain value, a structure (or a list of it), or a structure in braces for a map of it. */
function misspeltBelow(value, kind, place) {
  if (!kind) return null;
  if (!kind.startsWith("{")) return misspeltIn(value, kind, place);
  if (typeof value !== "object" || value === null) return null;
  return firstOf(Object.keys(value), (key) => misspeltIn(value[key], kind.slice(1, -1), `${place}.${key}`));
}

function firstOf(values, find) {
  for (let i = 0; i < values.length; i++) {
    const found = find(values[i], i);
    if (found) return found;
  }
  return null;
}

/** `expectedRevision`, `expected-revision` and `expected_revision` sound the same. */
const asHeard = (field) => field.replaceAll(/[^A-Za-z0-9]/g, "").toLowerCase();
