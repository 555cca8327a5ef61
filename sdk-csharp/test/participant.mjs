// A participant that runs on the TypeScript SDK's signaling, for tests of the C# SDK: what is read from standard input, a line of
// JSON each, is sent, and what comes is written to standard output.
//
//   node --experimental-websocket participant.mjs URL EMAIL PASSWORD SESSION
import { createInterface } from 'node:readline';
import { defaultEnvironment } from '../../sdk-js/build/src/environment.js';
import { Api } from '../../sdk-js/build/src/rest/api.js';
import { Signaling } from '../../sdk-js/build/src/signaling/signaling.js';

const [url, email, password, sessionId] = process.argv.slice(2);
const environment = defaultEnvironment();
const api = new Api(url, environment);
const tell = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);
const { userId } = await api.login(email, password);
let acknowledged = 0;
const signaling = new Signaling({
  environment,
  sessionId,
  userId,
  admit: () => api.ticket(sessionId),
  onJoined: () => {},
  onState: () => {},
  onSignal: ({ fromUserId, candidates }) => tell({ signal: candidates[0].candidate, from: fromUserId }),
  onMessage: ({ messageId, message, fromUserId }) => tell({ message, id: messageId, from: fromUserId }),
  onEvent: () => {},
  onBroken: (sender) => tell({ broken: sender }),
});
await signaling.join(await api.joinSession(sessionId));
tell({ ready: userId });

const done = () => acknowledged++;
const failed = (error) => tell({ failed: error.code });
for await (const line of createInterface(process.stdin)) {
  const order = JSON.parse(line);
  if ('signal' in order) signaling.signal(order.to, { candidates: [{ candidate: order.signal }] }).then(done, failed);
  else if ('message' in order) signaling.sendMessage(order.message).then(done, failed);
  else if ('count' in order) tell({ acknowledged, reconnects: signaling.reconnects });
}
process.exit(0);
