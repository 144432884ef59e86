// oidc-provider with its own pages, for a command line program: code and PKCE, device codes, rotation, revocation.
//
// It reads its clients from the first line of stdin, prints its address as JSON, and ends when stdin does.
// Argument: the folder whose node_modules has oidc-provider.
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';

console.info = console.error; // stdout is for the address alone
const { Provider } = await import(pathToFileURL(`${process.argv[2]}/node_modules/oidc-provider/lib/index.js`));

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const told = JSON.parse((await lines.next()).value);

const http = createServer();
await new Promise((resolve) => http.listen(0, '127.0.0.1', resolve));
const url = `http://127.0.0.1:${http.address().port}`;

// A native program may come back to any port of this machine (RFC 8252, 7.3).
const program = {
  application_type: 'native',
  redirect_uris: ['http://127.0.0.1/callback'],
  response_types: ['code'],
  grant_types: ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:device_code'],
};
const provider = new Provider(url, {
  clients: [
    { ...program, client_id: told.public, token_endpoint_auth_method: 'none' },
    {
      ...program,
      client_id: told.confidential,
      client_secret: told.secret,
      token_endpoint_auth_method: 'client_secret_basic',
    },
    { client_id: told.resource, client_secret: told.secret, redirect_uris: [], response_types: [], grant_types: [] },
  ],
  cookies: { keys: ['key-of-the-cookies'] },
  features: { deviceFlow: { enabled: true }, introspection: { enabled: true }, revocation: { enabled: true } },
  ttl: { AccessToken: told.lifetime, RefreshToken: 86_400, Grant: 86_400, Session: 600, Interaction: 600 },
});
http.on('request', provider.callback());

process.stdout.write(`${JSON.stringify({ url })}\n`);
await lines.next();
process.exit(0);
