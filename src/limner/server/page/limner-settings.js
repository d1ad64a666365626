// The few settings of a request that most pictures want; what is empty is the model's own.
import { html, live, LitElement } from "./lit.js";

class LimnerSettings extends LitElement {
  static properties = { fields: {}, models: {}, live: {} };

  createRenderRoot() { return this; }

  set(name, text) {
    const value = text === "" ? undefined : Number(text);
    if (value !== undefined && !Number.isFinite(value)) return;
    this.dispatchEvent(new CustomEvent("changed", { detail: { [name]: value } }));
  }

  number(name, label, options, hint) {
    return html`<label>${label}
      <input type="number" min=${options.min} max=${options.max} step=${options.step ?? 1}
        placeholder=${hint} .value=${live(String(this.fields[name] ?? ""))}
        @change=${(event) => this.set(name, event.target.value)}></label>`;
  }

  render() {
    const name = this.fields.model ?? this.models[0]?.name;
    const own = this.models.find((model) => model.name === name) ?? {};
    const said = (event) => new CustomEvent("changed", { detail: { [event.target.name]: event.target.value } });
    return html`
      <label class="switch"><input type="checkbox" .checked=${live(this.live)}
        @change=${(event) => this.dispatchEvent(new CustomEvent("live", { detail: event.target.checked }))}>
        Paint while I type</label>
      <details>
        <summary>Settings</summary>
        <div class="grid">
          <label class="wide">Lead away from (negative prompt)
            <input name="negative" .value=${live(this.fields.negative ?? "")}
              @change=${(event) => this.dispatchEvent(said(event))}></label>
          <label class="wide">Model
            <select name="model" @change=${(event) => this.dispatchEvent(said(event))}>
              ${this.models.map((model) => html`
                <option .selected=${model.name === name}>${model.name}</option>`)}
            </select></label>
          ${this.number("seed", "Seed", { min: 0, max: 2 ** 53 }, "drawn")}
          ${this.number("steps", "Steps", { min: 1, max: 1000 }, own.steps ?? "its own")}
          ${this.number("guidance", "Guidance", { min: 0, max: 30, step: "any" }, own.guidance ?? "its own")}
          ${this.number("count", "Pictures", { min: 1, max: 16 }, "1")}
        </div>
      </details>`;
  }
}

customElements.define("limner-settings", LimnerSettings);
