// Heat maps of words: fetched once, drawn over the picture, and asked what painted a place.
import { Refused } from "./server.js";

export const HUE = [70, 40, 210]; // that a map is drawn in

/** {width, height, values} of a grey PNG: 0 to 1. */
export async function grey(path) {
  const answer = await fetch(path);
  if (!answer.ok) throw new Refused(answer.status, await answer.json());
  const bitmap = await createImageBitmap(await answer.blob());
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
  const pen = canvas.getContext("2d");
  pen.drawImage(bitmap, 0, 0);
  const { width, height } = bitmap;
  const pixels = pen.getImageData(0, 0, width, height).data;
  const values = Float32Array.from({ length: width * height }, (_, place) => pixels[4 * place] / 255);
  return { width, height, values };
}

/** The maps of a job's words, as they are asked for. picture: which of its pictures. */
export class Heat {
  constructor(job, picture = 0) {
    Object.assign(this, { job, picture });
    this.maps = new Map();
  }

  of(word) {
    if (!this.maps.has(word)) {
      const query = new URLSearchParams({ words: word, ...(this.picture ? { picture: this.picture } : {}) });
      this.maps.set(word, grey(`${this.job.links.self}/heatmaps?${query}`));
    }
    return this.maps.get(word);
  }

  /** The words at a place (0 to 1 each), first those that look there more than elsewhere. */
  async at(words, x, y) {
    const found = [];
    for (const word of words) {
      const map = await this.of(word).catch(() => null);
      if (!map) continue;
      const mean = map.values.reduce((sum, value) => sum + value, 0) / map.values.length;
      found.push({ word, times: valueAt(map, x, y) / Math.max(mean, 1e-6) });
    }
    return found.sort((one, other) => other.times - one.times);
  }
}

function valueAt({ width, height, values }, x, y) {
  const column = Math.min(width - 1, Math.floor(x * width));
  return values[Math.min(height - 1, Math.floor(y * height)) * width + column];
}

/** Draw a map: one colour, more opaque where it looks more. */
export function draw(canvas, map, colour) {
  canvas.width = map.width;
  canvas.height = map.height;
  const pen = canvas.getContext("2d", { willReadFrequently: true }); // written by hand, not by a GPU
  const image = pen.createImageData(map.width, map.height);
  map.values.forEach((value, place) => image.data.set([...colour, Math.round(215 * value)], 4 * place));
  pen.putImageData(image, 0, 0);
}

/** Where a map looks, in words: "mostly the upper left; half as much or more on 31 % of it". */
export function described({ width, height, values }) {
  let sum = 0, across = 0, down = 0, bright = 0;
  values.forEach((value, place) => {
    sum += value;
    across += value * (place % width);
    down += value * Math.floor(place / width);
    bright += value >= 0.5 ? 1 : 0;
  });
  const third = (value, names) => names[Math.min(2, Math.floor(3 * value))];
  const column = third((across / sum + 0.5) / width, ["left", "middle", "right"]);
  const row = third((down / sum + 0.5) / height, ["upper", "middle", "lower"]);
  const place = row === "middle" && column === "middle" ? "middle" : `${row} ${column}`;
  return `centred in the ${place}, strong on ${Math.round((100 * bright) / values.length)} % of the picture`;
}
