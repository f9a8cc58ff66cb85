// Run in this folder and in that of the page. The page runs in browsers, its tests in Node and, within `evaluate`, in a browser.

import js from '@eslint/js';
import globals from 'globals';

const rules = {
  ...js.configs.recommended.rules,
  eqeqeq: 'error',
  'no-implied-eval': 'error',
  'no-new-func': 'error',
  'no-eval': 'error',
  'no-var': 'error',
  'prefer-const': 'error',
  'object-shorthand': 'error',
  'no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
};

// What would read an agent's words as markup.
const markup = ['innerHTML', 'outerHTML', 'insertAdjacentHTML', 'setHTMLUnsafe', 'srcdoc'].map((property) => ({
  property,
  message: 'words go into the page as text',
}));
const written = ['write', 'writeln', 'parseHTMLUnsafe'].map((property) => ({ object: 'document', property }));

export default [
  // What the generators of clients write is theirs; its own tests run it.
  { ignores: ['clients/generated/'] },
  {
    files: ['**/*.js'],
    languageOptions: { globals: globals.browser },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: { ...rules, 'no-restricted-properties': ['error', ...markup, ...written] },
  },
  {
    files: ['**/*.mjs'],
    languageOptions: { globals: { ...globals.node, ...globals.browser } },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules,
  },
];
