/**
 * How a web application uses the SSO bridge: GET /auth/session says who is signed in and returns an access token. The
 * token stays in memory and is sent to the guarded service. After a 401 the session is read again, once.
 */
const $ = (id) => document.getElementById(id);
const here = () => location.pathname + location.search + location.hash;

let session = null;

async function askSession(method = 'GET', path = '/auth/session') {
  const answer = await fetch(path, { method });
  if (answer.status === 401) return (session = null);
  if (!answer.ok) throw new Error(await reason(answer));
  return (session = await answer.json());
}

/** Calls a guarded service. After a 401 it gets a new token once, because the old one may have expired. */
async function call(path, init = {}) {
  for (const again of [true, false]) {
    const headers = { authorization: `Bearer ${session?.accessToken}`, 'content-type': 'application/json' };
    const answer = await fetch(path, { ...init, headers });
    if (answer.ok) return answer.json();
    if (answer.status !== 401 || !again || !(await askSession())) throw new Error(await reason(answer));
  }
}

/** Returns the sentence of an application/problem+json answer. */
async function reason(answer) {
  const problem = await answer.json().catch(() => ({}));
  return problem.detail ?? `The server answered ${answer.status}. Try again in a moment.`;
}

const claimsOf = (token) =>
  JSON.parse(new TextDecoder().decode(Uint8Array.from(atob(base64(token.split('.')[1])), (c) => c.charCodeAt(0))));
const base64 = (base64url) => base64url.replaceAll('-', '+').replaceAll('_', '/');

function items(list, texts) {
  list.replaceChildren(...texts.map((text) => Object.assign(document.createElement('li'), { textContent: text })));
}

function show() {
  $('loading').hidden = true;
  $('signed-out').hidden = session !== null;
  $('signed-in').hidden = session === null;
  $('sign-in').href = `/auth/okta/login?returnTo=${encodeURIComponent(here())}`;
  if (!session) return;
  const { account, roles, accessToken } = session;
  $('name').textContent = account.displayName ?? account.userName;
  $('email').textContent = account.displayName === null ? '' : (account.email ?? account.userName);
  items($('roles'), roles.length > 0 ? roles : ['no role']);
  $('claims').textContent = JSON.stringify(claimsOf(accessToken), null, 2);
}

async function showIncidents() {
  const { roles } = await call('/desk/caller');
  $('access').textContent = `The guarded service accepted you as ${roles.join(', ') || 'somebody without a role'}.`;
  const incidents = await call('/incidents');
  items($('incidents'), incidents.length > 0 ? incidents.map(({ id, title }) => `#${id}  ${title}`) : ['None.']);
  const at = incidents.findIndex(({ id }) => location.pathname === `/desk/incidents/${id}`);
  $('incidents').children[at]?.setAttribute('aria-current', 'page');
}

/** Runs an action and shows its result or its error. */
async function act(work) {
  $('notice').hidden = true;
  try {
    await work();
  } catch (error) {
    $('access').textContent = '';
    items($('incidents'), []);
    $('notice').textContent = error.message;
    $('notice').hidden = false;
  }
  show();
}

const open = async () => {
  await askSession();
  if (session) await showIncidents();
};

async function signOut(okta) {
  const answer = await fetch(`/auth/logout${okta ? '?okta=true' : ''}`, { method: 'POST' });
  if (!answer.ok) throw new Error(await reason(answer));
  session = null;
  const { oktaLogoutUrl } = await answer.json();
  if (oktaLogoutUrl) location.assign(oktaLogoutUrl);
}

$('address').textContent = here();
$('renew').addEventListener('click', () =>
  act(async () => {
    await askSession('POST', '/auth/refresh');
    if (session) await showIncidents();
  }),
);
$('sign-out').addEventListener('click', () => act(() => signOut(false)));
$('sign-out-okta').addEventListener('click', () => act(() => signOut(true)));
$('open').addEventListener('submit', (event) => {
  event.preventDefault();
  void act(async () => {
    await call('/incidents', { method: 'POST', body: JSON.stringify({ title: $('title').value }) });
    $('title').value = '';
    await showIncidents();
  });
});
await act(open);
