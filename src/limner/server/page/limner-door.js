// Where a key is asked for: it goes into a cookie that no script can read.
import { html, LitElement } from "./lit.js";
import { ask } from "./server.js";

class LimnerDoor extends LitElement {
  static properties = { failed: { state: true } };

  createRenderRoot() { return this; }

  async entered(event) {
    event.preventDefault();
    const field = this.querySelector("input");
    try {
      await ask("/login", { key: field.value });
      field.value = "";
      this.dispatchEvent(new CustomEvent("opened"));
    } catch (error) {
      this.failed = error.message;
    }
  }

  render() {
    return html`<form class="card row" @submit=${(event) => this.entered(event)}>
      <label>Key <input type="password" autocomplete="current-password" required></label>
      <button>Enter</button>
      <p class="failed" role="alert">${this.failed}</p>
    </form>`;
  }
}

customElements.define("limner-door", LimnerDoor);
