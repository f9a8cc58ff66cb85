// Who is at the page. The key goes to the server once, for a cookie that scripts cannot read.

import { get, post, Problem, told } from '../kit/api.js';
import { byId, say } from '../kit/dom.js';

/** @typedef {import('../types').Me} Me */

/** @returns {Promise<Me>} whoever is logged in, or logs in now */
export async function whoami() {
  try {
    return await get('/me');
  } catch (error) {
    if (!(error instanceof Problem) || error.status !== 401) {
      await new Promise((resolve) => setTimeout(resolve, 2_000));
      return whoami();
    }
    return ask();
  }
}

/** @returns {Promise<Me>} */
function ask() {
  const box = byId('login');
  const form = /** @type {HTMLFormElement} */ (byId('login-form'));
  const key = /** @type {HTMLInputElement} */ (byId('login-key'));
  const fault = byId('login-fault');
  document.body.dataset.state = 'login';
  box.hidden = false;
  key.focus();
  return new Promise((resolve) => {
    const submit = async (/** @type {Event} */ event) => {
      event.preventDefault();
      say(fault, '');
      try {
        await post('/login', { key: key.value.trim() });
        const me = await get('/me');
        key.value = '';
        form.removeEventListener('submit', submit);
        box.hidden = true;
        resolve(/** @type {Me} */ (me));
      } catch (error) {
        say(fault, told(error));
        key.select();
      }
    };
    form.addEventListener('submit', submit);
  });
}

/** Ends the session of this browser. */
export async function logout() {
  await post('/logout');
  location.reload();
}
