// Writes src/generated.ts, the wire's types, from docs/api; with --check it only says whether that is up to date.
//
// No package does this in one: openapi-typescript reads the one document and nests its types (`components['schemas']['Auth']`),
// json-schema-to-typescript reads the other schema by schema, and the types that are in both would come out twice. These are
// part of the package's declarations, so they are plain interfaces under their public names.
import { readFile, writeFile } from 'node:fs/promises';

const TARGET = new URL('../src/generated.ts', import.meta.url);
const HEAD = '// Written by `npm run wire` from docs/api. Change the server\'s types, not this file.\n';
/** What TypeScript knows better than the documents do. */
const OWN = { Candidate: 'RTCIceCandidateInit' };
/** Names for users of the package, where the server's are for its own parts. */
const NAMES = {
  CaptionData: 'Caption',
  ChatView: 'ChatMessage',
  DepartureView: 'LeaveReason',
  EndingView: 'EndReason',
  Field: 'FieldError',
  GuestRoleInput: 'GuestRole',
  GuestView: 'Guest',
  InvitationView: 'Invitation',
  InviteView: 'Invite',
  JoinedData: 'JoinAck',
  KindInput: 'SessionTypeInput',
  KindName: 'SessionType',
  KindView: 'SessionType',
  MediaKindInput: 'MediaKind',
  MediaKindView: 'MediaKind',
  Me: 'Account',
  ParticipantView: 'Participant',
  PermissionsInput: 'PermissionsChange',
  PermissionsView: 'Permissions',
  PresenceView: 'ParticipantStatus',
  RecordingKindInput: 'RecordingKind',
  RecordingKindView: 'RecordingKind',
  RecordingStatusView: 'RecordingStatus',
  RefusedView: 'RefusedChunk',
  RemovalView: 'RemovalReason',
  RoleInput: 'Role',
  RoleView: 'Role',
  SessionView: 'Session',
  Signaling: 'SignalingTicket',
  TranscriptView: 'TranscriptLine',
  UploadView: 'UploadUrl',
  UsageView: 'Usage',
  VisibilityInput: 'Visibility',
  VisibilityView: 'Visibility',
};
/** Answers to an action are read where the action is sent; these are the events. */
const ANSWERS = new Set(['ack', 'error']);

const document = async (name) => JSON.parse(await readFile(new URL(`../../docs/api/${name}.json`, import.meta.url), 'utf8'));
const [rest, signaling] = [await document('openapi'), await document('asyncapi')];
const schemas = { ...rest.components.schemas, ...signaling.components.schemas };

const known = (name) => NAMES[name] ?? name;
const comment = (text, indent = '') => (text ? `${indent}/** ${text.replaceAll('*/', '*\\/')} */\n` : '');

/** A schema as a type. */
function type(schema) {
  if (schema.$ref) {
    const name = schema.$ref.split('/').at(-1);
    return OWN[name] ?? known(name);
  }
  if (schema.const !== undefined) return `'${schema.const}'`;
  const branches = schema.oneOf ?? schema.anyOf;
  if (branches) return branches.map(type).join(' | ');
  if (Array.isArray(schema.type)) return schema.type.map((each) => type({ ...schema, type: each })).join(' | ');
  switch (schema.type) {
    case 'array': {
      if (schema.prefixItems) return `[${schema.prefixItems.map(type).join(', ')}]`;
      const item = type(schema.items);
      return item.includes('|') ? `(${item})[]` : `${item}[]`;
    }
    case 'object':
      return object(schema);
    case 'integer':
    case 'number':
      return 'number';
    default:
      return schema.type;
  }
}

/** What is not required is left out, never sent as null. */
function object({ properties = {}, required = [], additionalProperties }) {
  if (additionalProperties?.type) return `Record<string, ${type(additionalProperties)}>`;
  const lines = Object.entries(properties).map(([name, schema]) => {
    const isRequired = required.includes(name);
    const value = isRequired ? type(schema) : type(schema).replace(/ \| null$/, '');
    return `${comment(schema.description, '  ')}  ${name}${isRequired ? '' : '?'}: ${value};\n`;
  });
  return lines.length ? `{\n${lines.join('')}}` : 'Record<string, never>';
}

function declaration([name, schema]) {
  const body = type(schema);
  const isInterface = schema.type === 'object' && schema.properties;
  return `${comment(schema.description)}export ${isInterface ? `interface ${name} ${body}` : `type ${name} = ${body};`}\n`;
}

/** The events of the server, by their name on the wire. */
function events() {
  const lines = Object.values(signaling.components.messages)
    .map(({ payload }) => payload.properties)
    .filter(({ event }) => event && !ANSWERS.has(event.const))
    .map(({ event, data }) => `  ${event.const}: ${type(data)};\n`);
  return `/** What each event of the server carries, by its name on the wire. */\nexport interface ServerEvents {\n${lines.join('')}}\n`;
}

const renamed = Object.entries(schemas).map(([name, schema]) => [known(name), schema]);
const declarations = Object.entries(Object.fromEntries(renamed)).filter(([name]) => !OWN[name]).map(declaration);
const source = [HEAD, ...declarations, events()].join('\n');

if (!process.argv.includes('--check')) {
  await writeFile(TARGET, source);
} else if ((await readFile(TARGET, 'utf8')) !== source) {
  console.error('src/generated.ts is not what docs/api says: run `npm run wire`.');
  process.exitCode = 1;
}
