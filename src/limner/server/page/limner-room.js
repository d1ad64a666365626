// Room round a picture: its edges are dragged, moved by arrow keys, or given in pixels.
import { html, live, LitElement } from "./lit.js";

export const SIDES = ["left", "top", "right", "bottom"];
const STEP = 16; // pixels that an edge goes at once
const MOST = 1024;
const WAYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const OUT = { left: [-1, 0], top: [0, -1], right: [1, 0], bottom: [0, 1] };
const within = (value) => Math.min(MOST, Math.max(0, STEP * Math.round(value / STEP)));

class LimnerRoom extends LitElement {
  static properties = { url: {}, alt: {}, sides: {}, size: { state: true } };

  constructor() {
    super();
    Object.assign(this, { url: "", alt: "", size: [1, 1], sides: Object.fromEntries(SIDES.map((side) => [side, 0])) });
    this.held = null;
  }

  createRenderRoot() { return this; }

  set(side, value) {
    this.sides = { ...this.sides, [side]: value };
    this.dispatchEvent(new CustomEvent("sized", { detail: this.sides }));
  }

  /** Pixels left and right, above and below the picture that can be dragged into. */
  get reach() {
    const { left, top, right, bottom } = this.sides;
    const least = 2 * STEP;
    return [Math.max(this.size[0] / 2, least, left, right), Math.max(this.size[1] / 2, least, top, bottom)];
  }

  down(event, side) {
    event.currentTarget.setPointerCapture(event.pointerId);
    const [across, down] = this.reach;
    const shown = this.querySelector(".room").getBoundingClientRect();
    const start = { x: event.clientX, y: event.clientY, value: this.sides[side] };
    this.held = { ...start, side, scale: shown.width / (this.size[0] + 2 * across), most: [across, down] };
  }

  move(event) {
    if (!this.held) return;
    const { x, y, side, scale, most, value } = this.held;
    const [across, down] = OUT[side];
    const gone = (across * (event.clientX - x) + down * (event.clientY - y)) / scale;
    const last = Math.floor(most[across ? 0 : 1] / STEP) * STEP; // the edge stays where it is seen
    this.set(side, Math.min(last, within(value + gone)));
  }

  up() {
    this.held = null;
  }

  /** An arrow moves an edge the way that it points. */
  pressed(event, side) {
    const way = WAYS[event.key];
    const by = { PageUp: 4, PageDown: -4 }[event.key] ?? (way ? way[0] * OUT[side][0] + way[1] * OUT[side][1] : 0);
    if (!by && event.key !== "Home") return;
    event.preventDefault();
    this.set(side, event.key === "Home" ? 0 : within(this.sides[side] + by * STEP));
  }

  /** By the object model: a style attribute would be refused. */
  updated() {
    const [[width, height], [across, down], { left, top, right, bottom }] = [this.size, this.reach, this.sides];
    const [all, tall] = [width + 2 * across, height + 2 * down];
    const put = (place, x, y, w, h) => Object.assign(this.querySelector(place).style, {
      left: `${(100 * x) / all}%`, top: `${(100 * y) / tall}%`, width: `${(100 * w) / all}%`, height: `${(100 * h) / tall}%`,
    });
    this.querySelector(".room").style.aspectRatio = `${all} / ${tall}`;
    put(".room img", across, down, width, height);
    put(".room .wanted", across - left, down - top, width + left + right, height + top + bottom);
  }

  render() {
    return html`<div class="room">
        <img src=${this.url} alt=${this.alt} @load=${({ target }) => { this.size = [target.naturalWidth, target.naturalHeight]; }}>
        <div class="wanted">${SIDES.map((side) => this.edge(side))}</div>
      </div>
      <fieldset class="row fields"><legend class="hint">Pixels on each side; the edges can be dragged</legend>
        ${SIDES.map((side) => html`<label>${side}
          <input type="number" min="0" max=${MOST} step=${STEP} name=${side} .value=${live(String(this.sides[side]))}
            @change=${(event) => this.set(side, within(Number(event.target.value)))}></label>`)}</fieldset>`;
  }

  edge(side) {
    const value = this.sides[side];
    return html`<div class="edge ${side}" role="slider" tabindex="0" aria-label="Room, ${side}"
      aria-orientation=${OUT[side][0] ? "horizontal" : "vertical"} aria-valuemin="0" aria-valuemax=${MOST}
      aria-valuenow=${value} aria-valuetext="${value} pixels" @keydown=${(event) => this.pressed(event, side)}
      @pointerdown=${(event) => this.down(event, side)} @pointermove=${(event) => this.move(event)}
      @pointerup=${() => this.up()} @pointercancel=${() => this.up()}></div>`;
  }
}

customElements.define("limner-room", LimnerRoom);
