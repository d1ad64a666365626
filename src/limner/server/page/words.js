// Words of a prompt: where they stand, their weights, and the prompt with another weight.

/** The words that `/prompt/parse` found: {word, place: [from, to], weight, span}. */
export function wordsOf(prompt, parsed) {
  const spans = parsed.parts.flatMap((part) => part.stages[0]?.spans ?? []);
  return spans.flatMap((span) => {
    if (span.break) return [];
    const letters = [...prompt]; // places count characters, not UTF-16 units
    const [from, to] = span.place;
    if (letters.slice(from, to).join("") !== span.text) {
      return [{ word: span.text.trim(), place: span.place, weight: span.weight, span }];
    }
    return [...span.text.matchAll(/[^\s,.;:!?()[\]{}|]+/gu)].map((found) => {
      const start = from + [...span.text.slice(0, found.index)].length;
      const stop = start + [...found[0]].length;
      return { word: found[0], place: [start, stop], weight: span.weight, span };
    });
  });
}

/** The tokens of a prompt's first part, {text, id} each. */
export function tokenised(parsed) {
  return (parsed.parts[0]?.stages[0]?.chunks ?? []).flat();
}

export function tokensOf(parsed) {
  return parsed.parts.reduce((sum, part) => {
    const chunks = part.stages[0]?.chunks ?? [];
    return sum + chunks.reduce((count, chunk) => count + chunk.length, 0);
  }, 0);
}

/** The prompt with a word at a weight, as A1111's dialect writes it. */
export function weighted(prompt, word, weight) {
  const letters = [...prompt];
  const [from, to] = word.place;
  const text = letters.slice(from, to).join("");
  const before = letters.slice(0, from).join("");
  const behind = letters.slice(to).join("");
  const own = before.endsWith("(") && behind.match(/^:([\d.]+)\)/);
  if (own) {
    // what stands around the brackets multiplies it still
    const around = word.weight / Number(own[1]);
    return before.slice(0, -1) + written(text, weight / around) + behind.slice(own[0].length);
  }
  return before + written(text, weight / word.weight) + behind;
}

function written(text, weight) {
  const rounded = Math.round(weight * 100) / 100;
  return rounded === 1 ? text : `(${text}:${rounded})`;
}

/** The note that is about a word: one that quotes it. */
export function noteAbout(word, notes) {
  const quoted = (note) => [...note.matchAll(/'([^']*)'/g)].flatMap((found) => found[1].split(/\s+/));
  return notes.find((note) => quoted(note).includes(word));
}

/** The words that the model was given for a picture: of its parts, or of the prompt as it was read. */
export function readWords({ job, alt }) {
  const { prompt, regions, layout } = job?.request ?? { prompt: alt };
  const texts = layout === "collage" ? regions.map((region) => region.text) : [prompt];
  const found = texts.join(" ").match(/[^\s,.;:!?()[\]{}|]+/gu) ?? [];
  return [...new Set(found.filter((word) => !/^[\d.]+$/.test(word)))];
}

/** A word of the prompt as the model was given it: itself, or without the end of its plural. */
export function asRead(word, words) {
  const small = word.toLowerCase();
  return words.find((each) => each.toLowerCase() === small)
    ?? words.find((each) => ["s", "es"].some((end) => each.toLowerCase() + end === small));
}
