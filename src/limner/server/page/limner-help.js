// Help: what the page does, and its keys. Opened by a button, or by ? where that is wanted.
import { html, LitElement } from "./lit.js";

const LETTERS = "limner-letters"; // kept: whether ? alone opens it
const KEYS = [
  ["Ctrl Enter", "paint in full, and keep the picture"],
  ["Esc", "cancel what is painted; close this"],
  ["Tab", "to the next word: its heat map lies over a picture that was painted in full"],
  ["← ↑ → ↓", "steps on the slider; on the picture, places, and the words that painted there; tabs; the edges of room round a picture"],
  ["[ and ]", "a smaller or larger brush, where the picture under Change has the focus"],
  ["?", "this help"],
];

class LimnerHelp extends LitElement {
  static properties = { letters: { state: true } };

  constructor() {
    super();
    this.letters = localStorage.getItem(LETTERS) !== "off";
    this.heard = (event) => this.pressed(event);
  }

  createRenderRoot() { return this; }

  connectedCallback() {
    super.connectedCallback();
    document.addEventListener("keydown", this.heard);
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    document.removeEventListener("keydown", this.heard);
  }

  /** ? opens it, where nobody writes. */
  pressed(event) {
    const writes = event.target.closest?.("input:not([type=range], [type=checkbox]), textarea, select");
    if (event.key !== "?" || !this.letters || writes) return;
    event.preventDefault();
    this.open();
  }

  open() {
    const dialog = this.querySelector("dialog");
    if (!dialog.open) dialog.showModal();
  }

  switched(event) {
    this.letters = event.target.checked;
    localStorage.setItem(LETTERS, this.letters ? "on" : "off");
  }

  render() {
    return html`<button class="small" @click=${() => this.open()}>Help</button>
      <dialog class="card" aria-labelledby="help-title">
        <form method="dialog" class="row"><h2 id="help-title" class="grow">Help</h2><button class="small">Close</button></form>
        <p>Write what you want to see: it is sketched as you write. <b>Paint</b> makes the picture in full and keeps it in the
          gallery; then its steps can be gone through, and every word shows where it painted.
          A picture dropped anywhere gives the settings back that it was made with.</p>
        <table><caption class="unseen">Keys</caption><tbody>
          ${KEYS.map(([key, does]) => html`<tr><th scope="row"><kbd>${key}</kbd></th><td>${does}</td></tr>`)}
        </tbody></table>
        <label class="switch"><input type="checkbox" .checked=${this.letters} @change=${this.switched}>
          The key ? opens this</label>
      </dialog>`;
  }
}

customElements.define("limner-help", LimnerHelp);
