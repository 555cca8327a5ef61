// PeerServer as it comes, but for its limit of connections. It acknowledges nothing and keeps nothing.
//
//     node peer-server.js
import { PeerServer } from "peer";

PeerServer({ host: "127.0.0.1", port: 0, concurrent_limit: 20_000 }, (server) => {
  console.log(`PeerServer is ready on http://localhost:${server.address().port}`);
});
