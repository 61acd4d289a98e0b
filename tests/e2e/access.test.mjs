// Who may what: every route of the OpenAPI document with every role, held against the table below. A route that is
// not in the table, or says something else about itself, fails.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Kern } from './kern.mjs';

const ACCESS = {
  public: 'signIn forgotPassword acceptInvite openapi health ready openCsvLink',
  self: 'whoAmI signOut changePassword getSecondFactor beginSecondFactor confirmSecondFactor removeSecondFactor listSessions endOtherSessions endSession',
  read:
    'listSources getSource getIdentity parseQuery formatQuery reportFunnel reportRetention reportSeries reportPaths reportOverlap reportCompare reportRfm reportGrid reportPhases reportFavourites ' +
    'catalogEvents catalogTraits getPhases listSegments previewSegment getSegment getSegmentHistory listComputedTraits getComputedTrait listWorkspaces getWorkspace getClock ' +
    'listSavedReports getSavedReport listDashboards getDashboard listNotes getNote listAlerts getAlert',
  personal:
    'findProfiles getProfile lookupProfile mergeProfiles listProfileEvents listProfileSessions listProfileOrders listProfileLinks unmergeProfile addConsents ' +
    'reportFunnelProfiles reportRetentionProfiles reportSeriesProfiles reportPathsProfiles reportOverlapProfiles reportCompareProfiles reportRfmProfiles reportGridProfiles reportPhasesProfiles reportFavouritesProfiles ' +
    'explainSegment listMembers listChanges listProfileTraits correctProfileTraits getProfileFavourites addProfileNote listProfileConsents ' +
    'listDeadLetters listErasures getErasure',
  segments: 'listDestinations getDestination matchMembers addMembers removeMembers createSegment changeSegment deleteSegment createComputedTrait changeComputedTrait deleteComputedTrait ' +
    'createSavedReport changeSavedReport deleteSavedReport createDashboard changeDashboard deleteDashboard createNote changeNote deleteNote createAlert changeAlert deleteAlert',
  sources: 'createSource changeSource deleteSource addSourceKey deleteSourceKey listRejects listArrivals',
  export:
    'exportMembers createDestination changeDestination deleteDestination rotateDestinationSecret testDestination resendDeadLetters ' +
    'listCsvLinks createCsvLink deleteCsvLink',
  export_all: 'exportWorkspace',
  admin: 'eraseProfile erasePerson listAudit exportAudit setIdentity setPhases importLines changeWorkspace listUsers inviteUser getUser changeUser removeUser reinviteUser resetSecondFactor listTokens createToken deleteToken',
  instance: 'createWorkspace moveClock getMail setMail removeMail testMail',
  metrics: 'metrics',
  profile_api: 'profileApiTraits profileApiExternalIds profileApiEvents profileApiMetadata profileApiLinks',
};

// What each may; "+" is the right to export, which is given to a user by himself.
const ROLES = {
  analyst: ['read', 'metrics'],
  marketer: ['read', 'metrics', 'personal', 'profile_api', 'segments'],
  'marketer+': ['read', 'metrics', 'personal', 'profile_api', 'segments', 'export'],
  developer: ['read', 'metrics', 'sources'],
  admin: ['read', 'metrics', 'personal', 'profile_api', 'segments', 'sources', 'admin', 'instance'],
  'admin+': ['read', 'metrics', 'personal', 'profile_api', 'segments', 'sources', 'admin', 'instance', 'export', 'export_all'],
  'owner+': ['read', 'metrics', 'personal', 'profile_api', 'segments', 'sources', 'admin', 'instance', 'export', 'export_all'],
  // of one workspace only
  'admin@': ['read', 'metrics', 'personal', 'profile_api', 'segments', 'sources', 'admin'],
};

const SCOPES = {
  read: ['read', 'metrics'],
  personal: ['read', 'metrics', 'personal', 'profile_api'],
  segments: ['read', 'metrics', 'personal', 'profile_api', 'segments'],
  sources: ['read', 'metrics', 'sources'],
  export: ['read', 'metrics', 'personal', 'profile_api', 'export'],
  admin: ['read', 'metrics', 'admin', 'instance'],
};

const LIMITED = ['signIn', 'forgotPassword']; // in their tries

const kern = new Kern();
let operations;

before(async () => {
  await kern.start();
  const doc = (await kern.api('GET', '/api/v1/openapi.json')).body;
  operations = Object.entries(doc.paths).flatMap(([path, methods]) => Object.entries(methods).map(([method, op]) => ({ method: method.toUpperCase(), path, id: op.operationId, access: op['x-access'] })));
});

after(() => kern.end());

const declared = Object.fromEntries(Object.entries(ACCESS).flatMap(([access, ids]) => ids.split(' ').map((id) => [id, access])));

test('every route declares who may, as the table has it', () => {
  assert.deepEqual(Object.fromEntries(operations.map((o) => [o.id, o.access]).sort()), Object.fromEntries(Object.entries(declared).sort()));
});

// Calls with nothing in them: who may gets some other answer (mostly 400 or 404), who may not gets 403.
async function ask(operation, headers) {
  const path = operation.path.replace('{ws}', 'default').replace('{identifier}', 'user_id:nobody').replace(/\{\w+\}/g, 'nothing');
  const body = operation.method === 'GET' ? undefined : '{}';
  const r = await fetch(kern.url + path, { method: operation.method, headers: { 'Content-Type': 'application/json', 'X-Forwarded-For': '192.0.2.7', ...headers }, body });
  await r.text();
  return r.status;
}

async function check(name, may, headers) {
  const wrong = [];
  for (const operation of operations) {
    if (operation.id === 'signOut' || LIMITED.includes(operation.id)) continue; // the last call; limited in its tries
    const access = operation.access;
    const status = await ask(operation, headers);
    const allowed = access === 'public' || access === 'self' || may.includes(access);
    // a session of one's own is asked for by these, and the manual clock by that one
    const own = headers.Authorization && ['self'].includes(access) && operation.id !== 'whoAmI';
    const refused = status === 403;
    if (status === 401 && access !== 'public') wrong.push(`${name} ${operation.id}: 401`);
    if (!own && refused === allowed) wrong.push(`${name} ${operation.id} (${access}): ${status}`);
    if (own && !refused) wrong.push(`${name} ${operation.id}: a token has no ${access}, yet ${status}`);
    if (status >= 500) wrong.push(`${name} ${operation.id}: ${status}`);
  }
  assert.deepEqual(wrong, []);
}

test('every route with every role', { timeout: 120000 }, async () => {
  for (const [name, may] of Object.entries(ROLES)) {
    const email = `role-${name.replace('@', '-one').replace('+', '-export')}@example.nl`;
    const role = name.replace(/[+@]/, '');
    const invited = await kern.api('POST', '/api/v1/users', { email, role, export: name.endsWith('+'), workspace: name.endsWith('@') ? 'default' : null });
    assert.equal(invited.status, 201, JSON.stringify(invited.body));
    const r = await fetch(`${kern.url}/api/v1/invite`, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ invite: invited.body.invite, name, password: 'long enough' }) });
    assert.equal(r.status, 200);
    const signed = await fetch(`${kern.url}/api/v1/session`, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ email, password: 'long enough' }) });
    assert.equal(signed.status, 200);
    await check(name, may, { Cookie: signed.headers.get('set-cookie').split(';')[0], 'X-Kern-CSRF': '1' });
  }
});

test('every route with every scope of a token', { timeout: 120000 }, async () => {
  for (const [scope, may] of Object.entries(SCOPES)) {
    const token = await kern.api('POST', '/api/v1/tokens', { name: scope, scopes: [scope] });
    assert.equal(token.status, 201, JSON.stringify(token.body));
    assert.ok(token.body.scopes.includes(scope));
    await check(`token ${scope}`, may, { Authorization: `Bearer ${token.body.token}` });
  }
});

test('without anything, only what is public', async () => {
  for (const operation of operations) {
    if (LIMITED.includes(operation.id)) continue;
    const status = await ask(operation, {});
    assert.equal(status === 401, operation.access !== 'public', `${operation.id}: ${status}`);
  }
});
