// The picture: while it is painted, step by step afterwards, and which word painted what.
import { html, LitElement, nothing } from "./lit.js";
import { described, draw, Heat, HUE } from "./heat.js";
import "./limner-guidance.js";
import { STEPS } from "./live.js";
import { asRead, readWords } from "./words.js";

const STEP = 1 / 16; // of the picture: how far an arrow key goes

class LimnerStage extends LitElement {
  static properties = {
    shown: {}, word: {}, preview: {}, busy: { type: Boolean },
    step: { state: true }, heard: { state: true }, place: { state: true }, painters: { state: true },
    number: { state: true },
  };

  constructor() {
    super();
    Object.assign(this, { shown: null, word: null, step: 0, heard: "", place: null, painters: [], number: 0 });
  }

  createRenderRoot() { return this; }

  willUpdate(changed) {
    if (changed.has("shown")) {
      Object.assign(this, { step: this.shown?.job?.total ?? 0, painters: [], place: null, heard: "", number: 0 });
    }
    if (changed.has("shown") || changed.has("number")) {
      this.heat = this.shown?.heatmaps ? new Heat(this.shown.job, this.number) : null;
    }
  }

  updated(changed) {
    if (["word", "shown", "number"].some((name) => changed.has(name))) this.warm();
    const spot = this.querySelector(".spot");
    if (spot) { // by the object model: a style attribute would be refused
      spot.style.left = `${100 * this.place.x}%`;
      spot.style.top = `${100 * this.place.y}%`;
    }
  }

  get words() {
    return readWords(this.shown);
  }

  async warm() {
    const canvas = this.querySelector("canvas");
    if (!canvas) return;
    if (!this.word || !this.heat) {
      canvas.hidden = true;
      this.heard = "";
      return;
    }
    const pointed = this.word;
    const word = asRead(pointed, this.words);
    if (!word) {
      canvas.hidden = true;
      this.heard = `“${pointed}” is not among the words that were painted: ${this.words.join(" ")}.`;
      return;
    }
    try {
      const map = await this.heat.of(word);
      if (pointed !== this.word) return;
      draw(canvas, map, HUE);
      canvas.hidden = false;
      this.heard = `“${word}”: ${described(map)}.`;
    } catch (error) {
      canvas.hidden = true;
      this.heard = error.message;
    }
  }

  async look(x, y) {
    if (!this.heat) return;
    const place = this.place = { x, y };
    const found = await this.heat.at(this.words, x, y);
    if (place === this.place) this.painters = found.slice(0, 3);
  }

  moved(event) {
    const box = event.currentTarget.getBoundingClientRect();
    this.look((event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height);
  }

  pressed(event) {
    const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (!way || !this.heat) return;
    event.preventDefault();
    const { x, y } = this.place ?? { x: 0.5, y: 0.5 };
    const within = (value) => Math.min(1 - STEP / 2, Math.max(STEP / 2, value));
    this.look(within(x + STEP * way[0]), within(y + STEP * way[1]));
  }

  render() {
    if (!this.shown && !this.preview) {
      return html`<div class="stage empty" ?data-busy=${this.busy}>
        <p class="hint">${this.busy ? "Painting." : "What you write is painted here."}</p></div>`;
    }
    const { url, alt, live, job } = this.shown ?? { url: "", alt: "", live: true, job: null };
    const total = !live && job?.total ? job.total : 0;
    const last = this.step >= total;
    const finished = job?.images[this.number] ?? url;
    const source = this.preview ?? (last ? finished : this.at(this.step));
    return html`
      <div class="stage" ?data-busy=${this.busy} tabindex=${this.heat ? 0 : -1} role="group"
        aria-label=${this.heat ? "The picture; arrow keys ask which words painted a place" : "The picture"}
        @pointermove=${this.moved} @pointerleave=${() => { this.place = null; this.painters = []; }}
        @keydown=${this.pressed}>
        <img data-live=${live} src=${source} alt=${alt} data-job=${job?.id ?? nothing}
          @load=${shaped}>
        <canvas hidden aria-hidden="true"></canvas>
        ${this.place ? html`<i class="spot" aria-hidden="true"></i>` : nothing}
      </div>
      ${!live && job?.images.length > 1 ? this.several(job.images) : nothing}
      ${total > 1 ? this.scrubber(total, last) : nothing}
      ${this.seen(live)}
      ${total ? html`<limner-guidance .job=${job} .step=${Math.min(this.step, total)} .picture=${this.number}></limner-guidance>` : nothing}`;
  }

  at(step) {
    return `${this.shown.job.links.self}/steps/${step}${this.number ? `?picture=${this.number}` : ""}`;
  }

  /** All pictures of a job, one of them shown above. */
  several(images) {
    return html`<div class="row several" role="group" aria-label="The pictures of this painting">${images.map((url, number) => html`
      <button class="thumb" aria-pressed=${this.number === number} aria-label="Picture ${number + 1}, seed ${this.shown.job.seeds[number]}"
        @click=${() => { this.number = number; }}><img src=${url} alt=""></button>`)}</div>`;
  }

  scrubber(total, last) {
    return html`<label class="scrub">
      <span>${last ? "Finished" : `Step ${this.step} of ${total}`}</span>
      <input type="range" min="1" max=${total} .value=${String(this.step)}
        aria-valuetext=${last ? "finished" : `step ${this.step} of ${total}`}
        @input=${(event) => { this.step = Number(event.target.value); }}></label>`;
  }

  seen(live) {
    if (live && this.shown) return html`<p class="hint">A sketch in ${STEPS} steps. Paint makes it in full, keeps it, and shows how.</p>`;
    if (!this.shown?.job || !this.heat) return nothing;
    const words = this.painters.map(({ word, times }) => `${word} (${times.toFixed(1)}×)`).join(", ");
    const asked = "Point at a word for where it painted, at the picture for the words of a place.";
    return html`<p class="heard" aria-live="polite">${this.heard || (words
      ? `Here, in times of elsewhere: ${words}` : asked)}</p>`;
  }
}

/** Wide pictures may be wider than square ones. */
function shaped({ target }) {
  target.classList.toggle("wide", target.naturalWidth > 1.3 * target.naturalHeight);
}

customElements.define("limner-stage", LimnerStage);
