import { createFields, isZero, type CreateField, type CreateFields } from './create-fields.ts';
import { isObject, mergeJson, type Json, type JsonObject, type ParsedJson } from './json.ts';

/** A body of `containers/create`, or of another call with fields of its own, with Docker's spelling of every key, and all that is remarkable about it. */
export interface CreateBody {
  readonly value: JsonObject;
  /** Full paths; a duplicate is also what differs in case only. */
  readonly duplicates: readonly string[];
  /** As sent: keys that Docker's decoder takes although their case is wrong. */
  readonly miscased: readonly string[];
  readonly unknown: readonly { readonly path: string; readonly isNeutral: boolean }[];
  /** Known fields that ask for something, in the order of the body. */
  readonly present: readonly PresentField[];
}

export interface PresentField {
  readonly path: string;
  readonly field: CreateField;
}

export function readCreateBody(parsed: ParsedJson, fields: CreateFields = createFields): CreateBody {
  const notes: Notes = { duplicates: [...parsed.duplicates], miscased: [], unknown: [], present: [] };
  const value = spell(isObject(parsed.value) ? parsed.value : {}, fields, '', notes);
  return { value, ...notes };
}

interface Notes {
  readonly duplicates: string[];
  readonly miscased: string[];
  readonly unknown: { path: string; isNeutral: boolean }[];
  readonly present: PresentField[];
}

function spell(object: JsonObject, fields: CreateFields, prefix: string, notes: Notes): JsonObject {
  const spelled: Record<string, Json> = Object.create(null);
  for (const [key, value] of Object.entries(object)) {
    const name = nameOf(key, fields);
    if (name === undefined) {
      notes.unknown.push({ path: `${prefix}${key}`, isNeutral: isZero(value) });
      continue;
    }
    if (name !== key) notes.miscased.push(`${prefix}${key}`);
    if (name in spelled) notes.duplicates.push(`${prefix}${key}`);
    spelled[name] = mergeJson(spelled[name], value);
  }
  for (const name of Object.keys(spelled)) spelled[name] = note(name, spelled, fields, prefix, notes);
  return spelled;
}

function note(name: string, siblings: JsonObject, fields: CreateFields, prefix: string, notes: Notes): Json {
  const field = fields[name];
  const value = siblings[name];
  if (field === undefined || value === undefined) return null;
  const path = `${prefix}${name}`;
  if (!(field.isNeutral ?? isZero)(value, siblings)) notes.present.push({ path, field });
  return field.fields === undefined ? value : spellInside(value, field.fields, path, notes);
}

function spellInside(value: Json, fields: CreateFields, path: string, notes: Notes): Json {
  if (isObject(value)) return spell(value, fields, `${path}.`, notes);
  if (!Array.isArray(value)) return value;
  return value.map((one: Json, index) => (isObject(one) ? spell(one, fields, `${path}[${index}].`, notes) : one));
}

/** As Go's JSON decoder does: the exact name first, else without regard to case. */
function nameOf(key: string, fields: CreateFields): string | undefined {
  if (Object.hasOwn(fields, key)) return key;
  const folded = fold(key);
  return Object.keys(fields).find((name) => fold(name) === folded);
}

/** Unicode's simple folding takes two more letters for ASCII ones: the long s and the Kelvin sign. */
const fold = (key: string): string => key.replaceAll('\u017f', 's').replaceAll('\u212a', 'k').toLowerCase();
