// Calling a person who does not look: the title, a notification, a sound. Nothing is asked of the browser without a click.

import { counted } from '../kit/text.js';
import { toast } from '../kit/toast.js';
import { canPush, subscribe, unsubscribe } from './push.js';

const SHOWN = 'flightdeck-notify';
const HEARD = 'flightdeck-sound';
const PUSHED = 'flightdeck-push';

/** @param {string} name */
const isOn = (name) => localStorage.getItem(name) === 'on';

/** Two short tones. */
function sound() {
  const context = new AudioContext();
  [660, 880].forEach((pitch, at) => {
    const [tone, loudness] = [context.createOscillator(), context.createGain()];
    const start = context.currentTime + at * 0.16;
    tone.frequency.value = pitch;
    loudness.gain.setValueAtTime(0.0001, start);
    loudness.gain.exponentialRampToValueAtTime(0.12, start + 0.02);
    loudness.gain.exponentialRampToValueAtTime(0.0001, start + 0.15);
    tone.connect(loudness).connect(context.destination);
    tone.start(start);
    tone.stop(start + 0.16);
  });
  setTimeout(() => void context.close(), 1_000);
}

export class Caller {
  /** What was told of already. @type {Set<string> | null} */
  #known = null;

  /** @param {() => void} open shows what needs a person */
  constructor(open) {
    this.open = open;
  }

  get notifies() {
    return isOn(SHOWN) && 'Notification' in window && Notification.permission === 'granted';
  }

  get sounds() {
    return isOn(HEARD);
  }

  /** Turns notifications on or off; the browser asks only now. */
  async turnNotifications() {
    if (this.notifies) {
      localStorage.setItem(SHOWN, 'off');
      localStorage.setItem(PUSHED, 'off');
      await unsubscribe();
      return toast('No more notifications.');
    }
    if (!('Notification' in window)) return toast('This browser has no notifications for this address; https may be needed.', 'bad');
    if ((await Notification.requestPermission()) !== 'granted') return toast('The browser does not allow notifications for this page.', 'bad');
    localStorage.setItem(SHOWN, 'on');
    if (await this.#push()) return toast('You are notified, also while the page is closed.');
    return toast('You are notified while the page is open and you look elsewhere.');
  }

  /** Has the server push to this browser, where that can be done. */
  async #push() {
    if (!canPush()) return false;
    try {
      await subscribe();
    } catch (error) {
      // A browser without a push service, or a server that sends nothing: the page itself notifies.
      console.info('Web Push is not there:', error);
      return false;
    }
    localStorage.setItem(PUSHED, 'on');
    return true;
  }

  turnSound() {
    localStorage.setItem(HEARD, this.sounds ? 'off' : 'on');
    toast(this.sounds ? 'There is a sound when something new needs you.' : 'No more sound.');
    if (this.sounds) sound();
  }

  /** Tells what is new of what needs a person. @param {import('../needs/needs.js').Need[]} needs */
  tell(needs) {
    const before = this.#known;
    this.#known = new Set(needs.map(({ key }) => key));
    document.title = needs.length ? `(${needs.length}) Flightdeck` : 'Flightdeck';
    const fresh = before ? needs.filter(({ key }) => !before.has(key)) : [];
    if (!fresh.length) return;
    if (this.sounds) sound();
    // What is pushed is shown by the worker.
    if (!this.notifies || isOn(PUSHED) || document.visibilityState === 'visible') return;
    // No words of agents: others may see the screen.
    const notification = new Notification('Flightdeck', { body: `${counted(needs.length, 'thing needs', 'things need')} you.`, tag: 'flightdeck', icon: '/console/icon.svg' });
    notification.addEventListener('click', () => {
      window.focus();
      this.open();
      notification.close();
    });
  }
}
