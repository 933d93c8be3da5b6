// Random edits of every kind that stock Yjs has, to documents that many people write at once.

import * as Y from "yjs";

// Without surrogate pairs: a Yjs client that splits one, by formatting half of it say, shows two
// U+FFFD from then on, and nobody else does.
const words = ["node", "mesh", "Schlüssel", "文書", "a", "\n", "replica "];

/** The root types, by the kind of edit. */
export const rootsOf = (doc) => ({
  text: doc.getText("monaco"),
  map: doc.getMap("settings"),
  array: doc.getArray("list"),
  xml: doc.getXmlFragment("page"),
});

/** Everything in `doc`, comparable. */
export function contentOf(doc) {
  const { text, map, array, xml } = rootsOf(doc);
  return JSON.stringify([text.toDelta(), sorted(map.toJSON()), array.toJSON(), xml.toString()]);
}

const sorted = (value) =>
  value && typeof value === "object" && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value).sort().map(([key, inner]) => [key, sorted(inner)]))
    : value;

export function editAnything(doc, random) {
  const kinds = Object.keys(edits);
  const kind = kinds[random.below(kinds.length)];
  doc.transact(() => edits[kind](rootsOf(doc)[kind], random));
}

const word = (random) => words[random.below(words.length)];

function value(random) {
  const nested = [() => new Y.Text(word(random)), () => Y.Array.from([1, word(random)]), () => new Y.Map([["k", word(random)]])];
  const plain = [null, true, -1.5, 2 ** 40, word(random), { a: [1, { b: "c" }] }, random.bytes(3)];
  return random.next() < 0.3 ? nested[random.below(nested.length)]() : plain[random.below(plain.length)];
}

/** A range of `length` items: [index, count]. */
function range(length, random) {
  const index = random.below(length);
  return [index, Math.min(1 + random.below(4), length - index)];
}

const edits = {
  text(text, random) {
    const choice = random.next();
    if (text.length > 4 && choice < 0.25) text.delete(...range(text.length, random));
    else if (text.length > 4 && choice < 0.4) text.format(...range(text.length, random), { bold: random.next() < 0.5 || null });
    else if (choice < 0.45) text.insertEmbed(random.below(text.length + 1), { image: word(random) });
    else text.insert(random.below(text.length + 1), word(random));
  },
  map(map, random) {
    const key = `key${random.below(6)}`;
    const inner = map.get(key);
    if (inner instanceof Y.Text && random.next() < 0.7) inner.insert(0, word(random));
    else if (inner instanceof Y.Array && random.next() < 0.7) inner.push([word(random)]);
    else if (random.next() < 0.2) map.delete(key);
    else map.set(key, value(random));
  },
  array(array, random) {
    if (array.length > 0 && random.next() < 0.35) array.delete(...range(array.length, random));
    else array.insert(random.below(array.length + 1), [value(random), value(random)]);
  },
  xml(xml, random) {
    const inner = xml.length > 0 ? xml.get(random.below(xml.length)) : null;
    if (inner instanceof Y.XmlElement && random.next() < 0.6) {
      inner.setAttribute(`a${random.below(3)}`, word(random));
      inner.insert(0, [new Y.XmlText(word(random))]);
    } else if (xml.length > 0 && random.next() < 0.2) xml.delete(...range(xml.length, random));
    else xml.insert(random.below(xml.length + 1), [new Y.XmlElement("p")]);
  },
};
