// An OpenID Provider on this machine, made of npm's oidc-provider. Start it where that is installed:
//   cd .interop/node && node ../../scripts/interop/oidc-provider.mjs [redirect URI [post-logout redirect URI]]
//
// The first line of its output is JSON: the issuer and one client. Each line after it is a request, written
// before the answer, so that whoever waits for the answer finds it. It ends when its input does: a run of the
// tests that is killed leaves no server behind.
//
// Whoever asks, signs in: any name with the password "right" is a person, and may say no.

import { generateKeyPairSync, randomBytes, randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { pathToFileURL } from 'node:url';

const installed = createRequire(join(process.cwd(), 'package.json'));
const { Provider } = await import(pathToFileURL(installed.resolve('oidc-provider')));

const PASSWORD = 'right';
const [
  redirectUri = 'http://127.0.0.1:8000/oauth2/acme/callback/',
  postLogoutRedirectUri = new URL('/', redirectUri).href,
] = process.argv.slice(2);

const CLIENT = {
  client_id: 'acme',
  client_secret: randomBytes(24).toString('base64url'),
  client_name: 'The site',
  grant_types: ['authorization_code', 'refresh_token'],
  redirect_uris: [redirectUri],
  post_logout_redirect_uris: [postLogoutRedirectUri],
};

const write = (line) => process.stdout.write(`${line}\n`);
const escaped = (value) => value.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
const page = (title, body) => `<!doctype html><html lang="en"><meta charset="utf-8"><title>${title}</title>
<main><h1>${title}</h1>${body}</main></html>`;

function signingKeys() {
  const pairs = {
    RS256: generateKeyPairSync('rsa', { modulusLength: 2048 }),
    ES256: generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  };
  return Object.entries(pairs).map(([alg, { privateKey }]) => (
    { ...privateKey.export({ format: 'jwk' }), kid: randomUUID(), alg, use: 'sig' }
  ));
}

function person(name) {
  return {
    accountId: name,
    claims: () => ({
      sub: name,
      preferred_username: name,
      name: `${name} of Acme`,
      email: `${name}@acme.example`,
      email_verified: true,
      picture: 'https://img.acme.example/person.png',
      profile: `https://acme.example/people/${encodeURIComponent(name)}`,
    }),
  };
}

// What a configuration keeps when the keys change: everything but the keys.
const settings = {
  clients: [CLIENT],
  cookies: { keys: [randomBytes(32).toString('base64url')] },
  claims: {
    email: ['email', 'email_verified'],
    profile: ['name', 'picture', 'preferred_username', 'profile'],
  },
  features: {
    backchannelLogout: { enabled: true },
    devInteractions: { enabled: false }, // its pages fetch a font from elsewhere
    jwtUserinfo: { enabled: true },
    registration: { enabled: true },
    revocation: { enabled: true, allowedPolicy: (ctx, client, token) => token.clientId === client.clientId },
    rpInitiatedLogout: {
      enabled: true,
      logoutSource(ctx, form) {
        ctx.body = page('Sign out', `${form}
          <button form="op.logoutForm" name="logout" value="yes">Sign out</button>
          <button form="op.logoutForm">Stay</button>`);
      },
      postLogoutSuccessSource(ctx) {
        ctx.body = page('Signed out', '');
      },
    },
  },
  clientAuthMethods: ['client_secret_basic', 'client_secret_post', 'private_key_jwt', 'none'],
  enabledJWA: { clientAuthSigningAlgValues: ['RS256', 'ES256'] },
  // The site to be told of a logout is on this machine, where its own dispatcher connects to nobody; and it
  // ends with its test, so no connection to it is kept.
  fetch: (url, { dispatcher, ...options }) => (
    fetch(url, { ...options, headers: { ...options.headers, connection: 'close' } })
  ),
  findAccount: (ctx, name) => person(name),
  interactions: { url: (ctx, interaction) => `/interaction/${interaction.uid}` },
  issueRefreshToken: (ctx, client) => client.grantTypeAllowed('refresh_token'),
  pkce: { required: () => true },
  renderError(ctx, out) {
    ctx.type = 'html';
    ctx.body = page('Refused', `<pre>${escaped(JSON.stringify(out))}</pre>`);
  },
  rotateRefreshToken: true,
  ttl: {
    AccessToken: 300,
    AuthorizationCode: 60,
    Grant: 3600,
    IdToken: 300,
    Interaction: 600,
    RefreshToken: 3600,
    Session: 3600,
  },
};

// A provider's keys are fixed when it is made; the codes and sessions it has stored outlive it in this process.
let provider;
function changeKeys() {
  provider = new Provider(issuer, { ...settings, jwks: { keys: signingKeys() } });
  // Its own answer to an error of the server is silence.
  provider.on('server_error', (ctx, error) => process.stderr.write(`${error.stack}\n`));
  provider.on('backchannel.error', (ctx, error) => process.stderr.write(`${error.stack}\n`));
}

function question(prompt, clientName) {
  const fields = prompt === 'login'
    ? `<label>Name <input name="username" autocomplete="username" required></label>
       <label>Password <input name="password" type="password" autocomplete="current-password" required></label>`
    : `<p>${escaped(clientName)} wants to know who you are.</p>`;
  return page(prompt === 'login' ? 'Sign in' : 'Allow?', `<form method="post">${fields}
    <button name="allow" value="yes">Continue</button>
    <button name="deny" value="yes" formnovalidate>Cancel</button></form>`);
}

async function grant({ grantId, params, prompt, session }) {
  const { Grant } = provider;
  const given = grantId
    ? await Grant.find(grantId)
    : new Grant({ accountId: session.accountId, clientId: params.client_id });
  given.addOIDCScope((prompt.details.missingOIDCScope ?? []).join(' '));
  given.addOIDCClaims(prompt.details.missingOIDCClaims ?? []);
  return given.save();
}

async function interact(request, response) {
  const interaction = await provider.interactionDetails(request, response);
  const prompt = interaction.prompt.name;
  const finish = (result) => provider.interactionFinished(request, response, result, {
    mergeWithLastSubmission: !result.error,
  });
  const form = request.method === 'POST' ? new URLSearchParams(await text(request)) : new URLSearchParams();
  if (form.has('deny')) {
    await finish({ error: 'access_denied' });
  } else if (prompt === 'consent' && form.has('allow')) {
    await finish({ consent: { grantId: await grant(interaction) } });
  } else if (prompt === 'login' && form.get('username') && form.get('password') === PASSWORD) {
    await finish({ login: { accountId: form.get('username') } });
  } else {
    const client = await provider.Client.find(interaction.params.client_id);
    response.setHeader('Content-Type', 'text/html; charset=utf-8');
    response.end(question(prompt, client.clientName ?? client.clientId));
  }
}

async function answer(request, response) {
  const { pathname } = new URL(request.url, issuer);
  write(`${request.method} ${pathname}`);
  if (pathname === '/keys' && request.method === 'POST') {
    changeKeys();
    response.writeHead(204).end();
  } else if (pathname.startsWith('/interaction/')) {
    await interact(request, response);
  } else {
    await provider.callback()(request, response);
  }
}

const server = createServer((request, response) => {
  answer(request, response).catch((error) => {
    process.stderr.write(`${error.stack}\n`);
    response.writeHead(error.statusCode ?? 500, { 'Content-Type': 'text/plain' }).end(String(error));
  });
});
await new Promise((resolve) => { server.listen(0, '127.0.0.1', resolve); });
const issuer = `http://127.0.0.1:${server.address().port}`;
changeKeys();
process.stdin.on('end', () => process.exit()).resume();
write(JSON.stringify({ issuer, client_id: CLIENT.client_id, client_secret: CLIENT.client_secret }));
