// A mask on a canvas of the picture's own size: brush, eraser, rectangles, words, undo.
const SHOWN = "rgb(230 60 120)"; // how it is seen; what counts is whether a pixel is there
const MOST_UNDO = 20;

export class Brush {
  constructor(canvas, width, height) {
    Object.assign(canvas, { width, height });
    Object.assign(this, { canvas, size: Math.max(4, Math.round(width / 8)), erasing: false, past: [] });
    this.pen = canvas.getContext("2d", { willReadFrequently: true });
    this.pen.lineCap = this.pen.lineJoin = "round";
    this.last = null;
  }

  get pixels() {
    return this.pen.getImageData(0, 0, this.canvas.width, this.canvas.height);
  }

  get empty() {
    return !this.pixels.data.some((value, place) => place % 4 === 3 && value > 127);
  }

  /** Before a change: what undo goes back to. */
  remember() {
    this.past = [...this.past.slice(1 - MOST_UNDO), this.pixels];
  }

  undo() {
    const before = this.past.pop();
    if (before) this.pen.putImageData(before, 0, 0);
  }

  at(event) {
    const box = this.canvas.getBoundingClientRect();
    return [
      ((event.clientX - box.left) * this.canvas.width) / box.width,
      ((event.clientY - box.top) * this.canvas.height) / box.height,
    ];
  }

  down(event) {
    this.remember();
    this.canvas.setPointerCapture(event.pointerId);
    this.last = this.at(event);
    this.move(event);
  }

  move(event) {
    if (!this.last) return;
    const next = this.at(event);
    this.pen.globalCompositeOperation = this.erasing ? "destination-out" : "source-over";
    this.pen.strokeStyle = SHOWN;
    this.pen.lineWidth = this.size;
    this.pen.beginPath();
    this.pen.moveTo(...this.last);
    this.pen.lineTo(...next);
    this.pen.stroke();
    this.last = next;
  }

  up() {
    this.last = null;
  }

  rectangle(x, y, width, height) {
    this.remember();
    this.pen.globalCompositeOperation = this.erasing ? "destination-out" : "source-over";
    this.pen.fillStyle = SHOWN;
    this.pen.fillRect(x, y, width, height);
  }

  clear() {
    this.remember();
    this.pen.clearRect(0, 0, this.canvas.width, this.canvas.height);
  }

  invert() {
    this.remember();
    this.pen.globalCompositeOperation = "xor";
    this.pen.fillStyle = SHOWN;
    this.pen.fillRect(0, 0, this.canvas.width, this.canvas.height);
  }

  /** Add where a word's heat map is at least half of its most. */
  warm({ width, height, values }) {
    this.remember();
    this.pen.globalCompositeOperation = "source-over";
    this.pen.fillStyle = SHOWN;
    const [across, down] = [this.canvas.width / width, this.canvas.height / height];
    values.forEach((value, place) => {
      if (value < 0.5) return;
      const [x, y] = [place % width, Math.floor(place / width)];
      this.pen.fillRect(x * across, y * down, across, down);
    });
  }

  /** The mask as the server takes it: a PNG, white where it is repainted. */
  get url() {
    const { data, width, height } = this.pixels;
    const found = new ImageData(width, height);
    for (let place = 0; place < data.length; place += 4) {
      const value = data[place + 3] > 127 ? 255 : 0;
      found.data.set([value, value, value, 255], place);
    }
    const canvas = Object.assign(document.createElement("canvas"), { width, height });
    canvas.getContext("2d").putImageData(found, 0, 0);
    return canvas.toDataURL("image/png");
  }
}
