// What can be done beyond painting, one at a time, as tabs.
import { html, LitElement, nothing } from "./lit.js";
import "./limner-change.js";
import "./limner-compare.js";
import "./limner-making.js";
import "./limner-sweep.js";

const TABS = ["Change", "Compare", "Grid", "How it is made"];

class LimnerTools extends LitElement {
  static properties = {
    shown: {}, fields: {}, models: {}, run: {}, chosen: { state: true },
  };

  constructor() {
    super();
    this.chosen = -1;
  }

  createRenderRoot() { return this; }

  /** Arrow keys go from tab to tab. */
  pressed(event) {
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!by) return;
    event.preventDefault();
    const tabs = [...this.querySelectorAll("[role=tab]")];
    const next = (tabs.indexOf(event.target) + by + tabs.length) % tabs.length;
    this.chosen = next;
    tabs[next].focus();
  }

  render() {
    return html`<section class="card" aria-label="Tools">
      <div class="row tabs" role="tablist" aria-label="Tools" @keydown=${this.pressed}>
        ${TABS.map((name, index) => html`<button role="tab" id="tab-${index}" aria-controls="tool"
          aria-selected=${this.chosen === index} tabindex=${index === Math.max(0, this.chosen) ? 0 : -1}
          @click=${() => { this.chosen = this.chosen === index ? -1 : index; }}>${name}</button>`)}
      </div>
      ${this.chosen < 0 ? html`<p class="hint">Paint a part of the picture anew, set two prompts side by side,
        vary settings in a grid, or walk through how the picture came about.</p>` : nothing}
      <div id="tool" role="tabpanel" aria-labelledby="tab-${Math.max(0, this.chosen)}" ?hidden=${this.chosen < 0}>
        ${this.tool()}
      </div>
    </section>`;
  }

  tool() {
    const styles = this.models.flatMap((model) => model.styles ?? []);
    const restyles = this.models.some((model) => model.name.endsWith("restyle"));
    return [
      () => html`<limner-change .shown=${this.shown} .run=${this.run} .styles=${[...new Set(styles)]} ?restyles=${restyles}
        @taken=${this.pass}></limner-change>`,
      () => html`<limner-compare .fields=${this.fields} .run=${this.run}></limner-compare>`,
      () => html`<limner-sweep .fields=${this.fields} .run=${this.run} @recalled=${this.pass}></limner-sweep>`,
      () => html`<limner-making .shown=${this.shown}></limner-making>`,
    ][this.chosen]?.();
  }

  pass(event) {
    this.dispatchEvent(new CustomEvent(event.type, { detail: event.detail }));
  }
}

customElements.define("limner-tools", LimnerTools);
