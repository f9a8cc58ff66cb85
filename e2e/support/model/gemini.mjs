// Gemini's generateContent, streamed as SSE, as far as the Gemini CLI needs it.

export const PATH = /:(stream)?[gG]enerateContent|:countTokens/;

const CONTEXT = /<session_context>[\s\S]*?<\/session_context>/g;

const textOf = (parts) => (parts ?? []).filter(({ thought }) => !thought).map(({ text }) => text ?? '').join('').replace(CONTEXT, '');

export function read({ contents = [], tools = [], generationConfig = {} }, path) {
  if (path.includes(':countTokens')) return { direct: { totalTokens: 1000 } };
  const isAsked = ({ role, parts = [] }) => role === 'user' && !parts.some((part) => part.functionResponse);
  const asked = contents.findLastIndex(isAsked);
  const results = contents.slice(asked + 1).flatMap(({ parts = [] }) => parts.flatMap((part) => part.functionResponse ?? []));
  return {
    text: textOf(contents[asked]?.parts),
    results: results.map(({ response }) => response?.output ?? response?.error ?? JSON.stringify(response)),
    tools: tools.flatMap(({ functionDeclarations = [] }) => functionDeclarations.map(({ name }) => ({ name }))),
    stream: path.includes('stream'),
    json: generationConfig.responseMimeType === 'application/json',
  };
}

export async function write(response, step, price, { stream }) {
  const answer = (parts, finish) => ({
    candidates: [{ index: 0, content: { role: 'model', parts }, ...(finish ? { finishReason: 'STOP' } : {}) }],
    modelVersion: 'scripted',
    ...(finish ? { usageMetadata: usage(price) } : {}),
  });
  if (!stream) {
    let said = '';
    for await (const piece of step.pieces) said += piece;
    response.writeHead(200, { 'Content-Type': 'application/json' });
    response.write(JSON.stringify(answer([{ text: said }], true)));
    return;
  }
  const send = (parts, finish = false) => response.write(`data: ${JSON.stringify(answer(parts, finish))}\r\n\r\n`);
  response.writeHead(200, { 'Content-Type': 'text/event-stream' });
  for await (const piece of step.pieces) send([{ text: piece }]);
  send(step.call ? [{ functionCall: { name: step.call, args: step.arguments } }] : [{ text: '' }], true);
}

/** The prompt's tokens include those that came from the cache. */
function usage({ input, cacheRead, output }) {
  return {
    promptTokenCount: input + cacheRead,
    cachedContentTokenCount: cacheRead,
    candidatesTokenCount: output,
    totalTokenCount: input + cacheRead + output,
  };
}
