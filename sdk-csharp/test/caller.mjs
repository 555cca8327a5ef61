// A whole TypeScript client in a call, with a peer connection that has no network, for tests of the C# SDK. Written to standard
// output on each line that is read: how its connection to the other one stands.
//
//   node --experimental-websocket caller.mjs URL EMAIL PASSWORD SESSION
import { createInterface } from 'node:readline';
import { TunRTCClient } from '../../sdk-js/build/src/index.js';
import { FakePeerConnection } from '../../sdk-js/build/test/support/peer-connection.js';

const [url, email, password, sessionId] = process.argv.slice(2);
const connections = [];
const createPeerConnection = (configuration) => {
  const connection = new FakePeerConnection(configuration);
  connections.push(connection);
  return connection;
};
const tell = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);
const client = new TunRTCClient({ url, environment: { createPeerConnection } });
client.on('error', (error) => tell({ failed: `${error.code}: ${error.message}` }));
const { userId } = await client.login(email, password);
await client.joinSession(sessionId, false, false);
tell({ ready: userId });

for await (const line of createInterface(process.stdin)) {
  const order = JSON.parse(line);
  const connection = connections.findLast(({ connectionState }) => connectionState !== 'closed');
  if (order.change) connection?.restartIce();
  tell({
    count: connections.length,
    local: connection?.localDescription?.sdp ?? '',
    remote: connection?.remoteDescription?.sdp ?? '',
    isStable: connection?.signalingState === 'stable',
    candidates: connection?.applied.length ?? 0,
  });
}
process.exit(0);
