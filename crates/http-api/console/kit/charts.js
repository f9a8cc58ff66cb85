// Small charts of the last minute. A chart is decoration: its number stands beside it.

import { h } from './dom.js';

const POINTS = 60;

export class Sparkline {
  /** @type {number[]} */
  #points = [];
  element = h('canvas', { class: 'sparkline', 'aria-hidden': 'true', width: 120, height: 28 });

  /** @param {number} value */
  push(value) {
    this.#points.push(value);
    if (this.#points.length > POINTS) this.#points.shift();
    this.draw();
  }

  draw() {
    const context = this.element.getContext('2d');
    if (!context) return;
    const ratio = window.devicePixelRatio || 1;
    const { clientWidth: width, clientHeight: height } = this.element;
    if (!width || !height) return;
    const [wide, high] = [Math.round(width * ratio), Math.round(height * ratio)];
    if (this.element.width !== wide) this.element.width = wide;
    if (this.element.height !== high) this.element.height = high;
    context.clearRect(0, 0, wide, high);
    const most = Math.max(1, ...this.#points);
    const style = getComputedStyle(this.element);
    context.beginPath();
    this.#points.forEach((value, at) => {
      const x = ((POINTS - this.#points.length + at) / (POINTS - 1)) * wide;
      const y = high - ratio - (value / most) * (high - 2 * ratio);
      if (at === 0) context.moveTo(x, y);
      else context.lineTo(x, y);
    });
    context.strokeStyle = style.color;
    context.lineWidth = 1.5 * ratio;
    context.stroke();
    const first = ((POINTS - this.#points.length) / (POINTS - 1)) * wide;
    context.lineTo(wide, high);
    context.lineTo(first, high);
    context.globalAlpha = 0.15;
    context.fillStyle = style.color;
    context.fill();
    context.globalAlpha = 1;
  }
}
