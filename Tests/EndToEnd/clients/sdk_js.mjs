// The client of the JavaScript SDK: `node sdk_js.mjs SDK URL MODE`. SDK is the module, MODE is legacy, auto or a revision. Prints one JSON object
// with what it saw.

import { pathToFileURL } from 'node:url';

const [sdk, url, mode] = process.argv.slice(2);
const { Client, StreamableHTTPClientTransport } = await import(pathToFileURL(sdk).href);

const client = new Client(
  { name: 'weir-tests', version: '1' },
  {
    capabilities: { elicitation: { form: {}, url: {} } },
    versionNegotiation: { mode: mode === 'legacy' || mode === 'auto' ? mode : { pin: mode } },
  },
);
const asked = [];
client.setRequestHandler('elicitation/create', async (request) => {
  asked.push(request.params.message);
  return { action: 'accept', content: { response: 'yes', email: 'ada@example.com' } };
});

const text = (result) => result.content.map((part) => part.text ?? '').join('');
const call = (name, args = {}, options = undefined) => client.callTool({ name, arguments: args }, options);

await client.connect(new StreamableHTTPClientTransport(new URL(url)));
const progress = [];
const seen = {
  version: client.getNegotiatedProtocolVersion(),
  server: client.getServerVersion()?.name,
  tools: (await client.listTools()).tools.map((tool) => tool.name),
  text: text(await call('test_simple_text')),
  stepped: text(await call('test_steps', { steps: 3, pause: 0.05 }, { onprogress: (report) => progress.push(report.progress) })),
  progress,
  answered: text(await call('test_elicitation', { message: 'Go on?' })),
  asked,
  resource: (await client.readResource({ uri: 'test://static-text' })).contents[0].text,
  prompt: (await client.getPrompt({ name: 'test_simple_prompt' })).messages.length,
  missing: await client.readResource({ uri: 'test://nobody-has-this' }).then(() => null, (error) => error.data ?? String(error)),
};
await client.close();
console.log(JSON.stringify(seen));
