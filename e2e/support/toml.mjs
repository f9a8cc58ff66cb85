// The table of an agent in a configuration file.

const value = (given) => (typeof given === 'object' && !Array.isArray(given) ? inline(given) : JSON.stringify(given));
const inline = (given) =>
  `{ ${Object.entries(given)
    .map(([key, entry]) => `${key} = ${JSON.stringify(entry)}`)
    .join(', ')} }`;

/** @param {string} name @param {Record<string, unknown>} about */
export function agentTable(name, about) {
  return [`[agents.${name}]`, ...Object.entries(about).map(([key, given]) => `${key} = ${value(given)}`), ''].join('\n');
}
