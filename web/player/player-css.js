/* player-css.js - looks of <imstv-player>, as one shared sheet. Colours come from the page's custom
 * properties, with defaults for pages that have none. */

const CSS = `
:host {
  --accent: var(--imstv-accent, #ffb224);
  --ink: var(--imstv-ink, #f5f3ef);
  --live: var(--imstv-live, #ff4b4b);
  --pad: clamp(16px, 3vw, 56px);
  display: block;
  position: relative;
  overflow: hidden;
  background: #000;
  color: var(--ink);
  font: 400 clamp(15px, 0.45vw + 12px, 36px)/1.45 var(--imstv-font, system-ui, sans-serif);
  -webkit-tap-highlight-color: transparent;
}
* { box-sizing: border-box; }
[hidden] { display: none !important; }
.stage, .backdrop, video, .tap { position: absolute; inset: 0; width: 100%; height: 100%; }
video { object-fit: contain; opacity: 1; transition: opacity 0.25s; }
.stage[data-state=starting] video, .stage[data-state=failed] video { opacity: 0; }
.stage[data-state=ended] video { opacity: 0.25; }
.backdrop {
  background: #0b0c10 center / cover no-repeat;
  filter: blur(28px) brightness(0.35) saturate(1.2);
  transform: scale(1.15);
  opacity: 0;
  transition: opacity 0.4s;
}
.stage[data-state=starting] .backdrop, .stage[data-state=failed] .backdrop { opacity: 1; }
.stage.quiet { cursor: none; }

button, input { font: inherit; color: inherit; }
button {
  display: inline-grid; place-items: center;
  border: 0; background: none; cursor: pointer; padding: 0;
}
:focus { outline: none; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 3px; }
svg { width: 1.6em; height: 1.6em; display: block; }

/* --- bars --- */
.bar {
  position: absolute; left: 0; right: 0;
  padding: var(--pad);
  transition: opacity 0.25s, transform 0.25s;
}
.top {
  z-index: 1; top: 0; display: flex; gap: 0.9em; align-items: center; pointer-events: none;
  padding-top: max(calc(var(--pad) * 0.6), env(safe-area-inset-top));
  padding-bottom: 5em;
  background: linear-gradient(#000b, #0006 45%, #0000);
}
.top > * { pointer-events: auto; }
.bottom {
  z-index: 1; bottom: 0; pointer-events: none;
  padding-top: 7em;
  padding-bottom: max(calc(var(--pad) * 0.6), env(safe-area-inset-bottom));
  background: linear-gradient(#0000, #0008 55%, #000d);
}
.bottom > * { pointer-events: auto; }
.quiet .top { opacity: 0; transform: translateY(-12px); }
.quiet .bottom { opacity: 0; transform: translateY(12px); }
.stage[data-state=failed] .bottom, .stage[data-state=idle] .bottom { opacity: 0; visibility: hidden; }
.bar button {
  width: 2.9em; height: 2.9em; border-radius: 50%;
  transition: background 0.15s, transform 0.15s;
}
.bar button:hover, .bar button:focus-visible { background: #ffffff24; }
.bar button:active { transform: scale(0.92); }
.bar button.big { background: var(--ink); color: #0b0c10; width: 3.4em; height: 3.4em; }
.bar button.big:hover { background: #fff; transform: scale(1.05); }
.what { display: grid; line-height: 1.3; min-width: 0; text-shadow: 0 1px 8px #000a; }
.what b { font-size: 1.15em; font-weight: 650; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.what small { font-size: 0.82em; opacity: 0.75; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.row, .group { display: flex; align-items: center; gap: 0.5em; }
.row { justify-content: space-between; }
.group { gap: 0.6em; }
.is-live .film-only, .stage:not(.is-live) .live-only { display: none; }
.stage:not(.can-zap) .zap { display: none; }
.live {
  display: inline-flex; align-items: center; gap: 0.55em;
  padding: 0.3em 0.85em; margin-right: 0.4em;
  border-radius: 99px; background: #ffffff1f;
  font-size: 0.86em; font-weight: 650; letter-spacing: 0.03em;
}
.live i { width: 0.6em; height: 0.6em; border-radius: 50%; background: var(--live); animation: pulse 2s infinite; }
.stage[data-state=starting]:not(.no-signal) .live { visibility: hidden; }
.no-signal .live i { background: #fff8; animation: none; }
.no-signal video { opacity: 0.25; }
.zap { background: #ffffff1f !important; }
.zap:hover, .zap:focus-visible { background: #ffffff38 !important; }

/* --- sliders --- */
.seek { display: flex; align-items: center; gap: 1em; margin-bottom: 0.6em; }
.seek output { min-width: 3.4em; font-variant-numeric: tabular-nums; font-size: 0.9em; }
.seek .total { text-align: right; opacity: 0.75; }
input[type=range] {
  --fill: 0;
  appearance: none; -webkit-appearance: none;
  flex: 1; min-width: 0; height: 2em; margin: 0; background: none; cursor: pointer;
  border-radius: 8px;
}
input[data-control=volume] { flex: none; width: 6.5em; }
input[type=range]::-webkit-slider-runnable-track {
  height: 5px; border-radius: 5px;
  background: linear-gradient(var(--accent), var(--accent)) 0 / calc(8px + var(--fill) * (100% - 17px)) 100% no-repeat, #ffffff3d;
}
input[type=range]::-moz-range-track { height: 5px; border-radius: 5px; background: #ffffff3d; }
input[type=range]::-moz-range-progress { height: 5px; border-radius: 5px; background: var(--accent); }
input[type=range]::-webkit-slider-thumb {
  -webkit-appearance: none;
  width: 17px; height: 17px; margin-top: -6px; border-radius: 50%;
  background: #fff; box-shadow: 0 1px 6px #0009;
  transition: transform 0.15s;
}
input[type=range]::-moz-range-thumb { width: 17px; height: 17px; border: 0; border-radius: 50%; background: #fff; }
input[type=range]:hover::-webkit-slider-thumb, input[type=range]:focus-visible::-webkit-slider-thumb { transform: scale(1.25); }

/* --- over the picture --- */
.spinner {
  position: absolute; inset: 0; display: grid; place-items: center; pointer-events: none;
  opacity: 0; transition: opacity 0.2s;
}
.waiting .spinner { opacity: 1; transition-delay: 0.35s; }
.spinner i {
  width: 3.6em; height: 3.6em; border-radius: 50%;
  border: 0.28em solid #ffffff2e; border-top-color: var(--accent);
  animation: turn 0.9s linear infinite;
}
.banner {
  position: absolute; z-index: 2; left: var(--pad); bottom: calc(var(--pad) + 5.4em);
  display: flex; align-items: center; gap: 1.1em;
  padding: 0.9em 1.6em 0.9em 1.2em; border-radius: 18px;
  background: #0b0c10d9; box-shadow: 0 10px 40px #0008, inset 0 0 0 1px #ffffff1a;
  opacity: 0; transform: translateY(14px); transition: opacity 0.2s, transform 0.2s;
  pointer-events: none;
}
.show-banner .banner { opacity: 1; transform: none; }
.stage[data-state=failed] .banner { opacity: 0; }
.banner-number { font-size: 2.6em; font-weight: 750; line-height: 1; color: var(--accent); font-variant-numeric: tabular-nums; }
.banner-text { display: grid; line-height: 1.25; }
.banner b { font-size: 1.2em; font-weight: 650; }
.banner small { opacity: 0.7; }
.notice, .hint {
  position: absolute; z-index: 2; left: 50%; top: calc(var(--pad) + 3.2em); transform: translateX(-50%);
  margin: 0; padding: 0.7em 1.3em; border-radius: 99px;
  background: #0b0c10e6; box-shadow: 0 6px 30px #0008, inset 0 0 0 1px #ffffff1f;
  max-width: calc(100% - 2 * var(--pad));
}
.notice { opacity: 0; pointer-events: none; transition: opacity 0.2s; text-align: center; }
.has-notice .notice { opacity: 1; }
.hint { display: none; grid-auto-flow: column; gap: 0.6em; align-items: center; background: var(--accent); color: #16120a; font-weight: 650; }
.hint:focus-visible { outline-color: #fff; }
.sound-blocked .hint { display: inline-grid; }
.card {
  position: absolute; z-index: 3; left: 50%; top: 50%; transform: translate(-50%, -50%);
  width: min(32em, calc(100% - 2 * var(--pad))); max-height: 100%; overflow: auto;
  padding: 2em 2.2em; border-radius: 24px; text-align: center;
  background: #14161cf2; box-shadow: 0 30px 90px #000b, inset 0 0 0 1px #ffffff17;
  animation: rise 0.25s ease-out;
}
.card-icon { display: inline-grid; place-items: center; width: 3.4em; height: 3.4em; border-radius: 50%; background: #ffffff12; color: var(--accent); }
.card h2 { margin: 0.7em 0 0.25em; font-size: 1.45em; font-weight: 700; line-height: 1.25; }
.card p { margin: 0 0 1.5em; opacity: 0.8; text-wrap: balance; }
.card small { display: block; margin-top: 1.3em; opacity: 0.45; font-size: 0.72em; overflow-wrap: anywhere; }
.card small:empty { display: none; }
.card-actions { display: flex; flex-wrap: wrap; gap: 0.8em; justify-content: center; }
.card-actions button { padding: 0.7em 1.5em; border-radius: 99px; font-weight: 650; transition: background 0.15s; }
.primary { background: var(--accent); color: #16120a; }
.primary:hover { background: #ffc65c; }
.primary:focus-visible { outline-color: #fff; }
.plain { background: #ffffff17; }
.plain:hover { background: #ffffff2b; }

@keyframes turn { to { transform: rotate(1turn); } }
@keyframes pulse { 50% { opacity: 0.35; } }
@keyframes rise { from { opacity: 0; margin-top: 16px; } }
@media (max-width: 640px) {
  input[data-control=volume] { display: none; }
  .card { padding: 1.6em 1.3em; }
  .seek { gap: 0.6em; }
  .seek output { min-width: 2.6em; }
}
@media (prefers-reduced-motion: reduce) {
  * { transition-duration: 0.01s !important; animation-duration: 2.5s !important; }
}
`;

export const playerSheet = new CSSStyleSheet();
playerSheet.replaceSync(CSS);
