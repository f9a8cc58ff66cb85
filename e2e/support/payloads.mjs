// Five hundred texts of a hostile agent: what runs, loads, deceives or freezes pages that trust what they show.

const MANY = 100_000;

/** Markup that would run or load something from `url`. */
const markup = (url) => [
  `<script>globalThis.pwned = 1; fetch('${url}/s')</script>`,
  `<img src="${url}/i.png" onerror="globalThis.pwned = 1">`,
  `<svg/onload="globalThis.pwned = 1">`,
  `<iframe src="${url}/f" srcdoc="<script>parent.pwned = 1</script>"></iframe>`,
  `<video src="${url}/v"><source onerror="globalThis.pwned = 1"></video>`,
  `<object data="${url}/o"></object><embed src="${url}/e">`,
  `<link rel="stylesheet" href="${url}/l.css"><style>@import url(${url}/c.css)</style>`,
  `<meta http-equiv="refresh" content="0; url=${url}/m">`,
  `<form action="${url}/p"><input autofocus onfocus="globalThis.pwned = 1"></form>`,
  `<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=x onerror=pwned=1&gt;">`,
  `<noscript><p title="</noscript><img src=x onerror=pwned=1>">`,
  `<base href="${url}/"><a href="x">a</a>`,
  `<template><script>pwned = 1</script></template>`,
  `</article></div></section></main></body></html><script>globalThis.pwned = 1</script>`,
  `<!--><script>pwned = 1</script-->`,
  `<details open ontoggle="globalThis.pwned = 1">`,
  `<xss style="animation-name:x" onanimationstart="pwned = 1"></xss>`,
];

/** What a link may lead to. */
const targets = (url) => [
  'javascript:globalThis.pwned=1',
  'JaVaScRiPt:globalThis.pwned=1',
  'java\tscript:globalThis.pwned=1',
  '&#106;avascript:globalThis.pwned=1',
  'javascript&colon;globalThis.pwned=1',
  '\u0001javascript:globalThis.pwned=1',
  'data:text/html,<script>parent.pwned=1</script>',
  'vbscript:pwned',
  'file:///etc/passwd',
  'blob:null/x',
  '//evil.test/x',
  '/agents/kill-all',
  '#audit',
  'https://user:pass@evil.test',
  'https://еxample.com',
  'https://example.com\u202egnp.exe',
  `${url}/followed`,
  'x-apple-helpbasic://x',
  `http://[::1]:1/${'a'.repeat(3_000)}`,
];

/** Ways to write a link or a picture. */
const links = (target) => [`[click](${target})`, `[click](<${target}> "t")`, `![picture](${target})`, `<${target}>`, `[r]\n\n[r]: ${target} 'title'`, `[![a](${target})](${target})`];

const hidden = ['\u202eexe.gpj', 'a\u200bb', '\u2066x\u2069', 'tag\u{e0041}\u{e007f}', '\ufeff', 'z\u0300'.repeat(500), '\u202e'.repeat(3_000), '\u0001'.repeat(MANY), '\u00ad'.repeat(5_000)];

const terminal = [
  '\u001b]8;;javascript:pwned=1\u0007click\u001b]8;;\u0007',
  '\u001b]0;title\u0007\u001b]52;c;cHduZWQ=\u0007',
  '\u001b[2J\u001b[H\u001b[8mhidden\u001b[0m',
  '\u001bP+q544e\u001b\\\u001b_Gf=100;AAAA\u001b\\',
  '\u001b[31m'.repeat(20_000),
  '\u001b['.repeat(MANY / 2),
  '\u001b[38;2;1;2;3mx\u001b[48;5;200my'.repeat(3_000),
  `a${'\r'.repeat(MANY)}b`,
  '10%\r20%\r30%\r\n'.repeat(2_000),
  '\u009b31mc1\u009d0;t\u009c',
];

const giants = [
  '>'.repeat(MANY),
  '> '.repeat(MANY / 2),
  `${'> '.repeat(200)}x\n`.repeat(300),
  '- '.repeat(MANY / 2),
  '['.repeat(MANY),
  '[a]('.repeat(MANY / 4),
  '*a _b '.repeat(MANY / 6),
  '`'.repeat(MANY),
  'w'.repeat(900_000),
  'word '.repeat(MANY),
  `a${'\n'.repeat(MANY)}b`,
  `|${'a|'.repeat(300)}\n|${'-|'.repeat(300)}\n${'|b\n'.repeat(2_000)}`,
  '# h\n'.repeat(20_000),
  `\`\`\`rust\n${'fn a() { let b = "c"; }\n'.repeat(1_300)}\`\`\``,
  `\`\`\`js\n${'({[`${'.repeat(180)}\n\`\`\``,
  `\`\`\`diff\n${'+a\n-b\n'.repeat(20_000)}\`\`\``,
  `--- a\n+++ b\n@@ -1,900 +1,900 @@\n${'-x\n+y\n'.repeat(900)}`,
  '😀'.repeat(50_000),
  'https://example.com/ '.repeat(5_000),
  `${'{"a":'.repeat(3_000)}1${'}'.repeat(3_000)}`,
  `[${'1,'.repeat(MANY)}1]`,
  JSON.stringify({ image: `iVBORw0KGgo${'A'.repeat(200_000)}`, '__proto__': { x: 1 }, constructor: 'x' }),
  '&amp;'.repeat(20_000),
  '<a>'.repeat(30_000),
];

const AS = [
  (content) => ({ role: 'assistant', content }),
  (content) => ({ role: 'user', content }),
  (content) => ({ role: 'tool', content, metadata: { type: 'tool_result', toolUseId: 'none', name: content.slice(0, 200) } }),
  (content) => ({ role: 'assistant', content: 'call', metadata: { type: 'tool_call', toolUseId: 'open', tool: content.slice(0, 300), input: { command: content.slice(0, 50_000), [content.slice(0, 300)]: content.slice(0, 1_000) } } }),
  (content) => ({ role: 'assistant', content: 'call', metadata: { type: 'tool_call', toolUseId: 'open', tool: 'Edit', input: { file_path: content.slice(0, 300), old_string: content.slice(0, 60_000), new_string: 'x' } } }),
  (content) => ({ role: 'assistant', content, metadata: { type: 'thought' } }),
  (content) => ({ role: 'system', content }),
];

/**
 * @param {string} url where nothing may ever be asked for
 * @returns {{ role: string, content: string, metadata?: object }[]} 500 messages
 */
export function payloads(url) {
  const small = [...markup(url), ...targets(url).flatMap(links), ...hidden.filter((text) => text.length < 10_000), ...terminal.filter((text) => text.length < 1_000)];
  const large = [...hidden, ...terminal, ...giants].filter((text) => text.length >= 1_000);
  const messages = large.flatMap((content, at) => [0, 2, 3 + (at % 4)].map((as) => AS[as](content)));
  for (let at = 0; messages.length < 500; at += 1) {
    const words = small[at % small.length];
    const around = [words, `- ${words}\n- **${words}**`, `> ${words}\n\n| a |\n|---|\n| ${words} |`, `\`\`\`html\n${words}\n\`\`\``][Math.floor(at / small.length) % 4];
    messages.push(AS[at % AS.length](around));
  }
  // Large and small by turns, as they come.
  return messages.slice(0, 500).map((_, at, all) => all[(at * 211) % 500]);
}
