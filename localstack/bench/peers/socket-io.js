// Socket.IO with connection state recovery on Redis streams. What is acknowledged is in the stream, as what TunRTC
// acknowledges is in its table.
//
//     node socket-io.js REDIS_SOCKET
import { createServer } from "node:http";
import { createAdapter } from "@socket.io/redis-streams-adapter";
import { createClient } from "redis";
import { Server } from "socket.io";

/** An event, in the protocol of Socket.IO. */
const EVENT = 2;

const redis = createClient({ socket: { path: process.argv[2] } });
redis.on("error", () => {}); // It is not up yet: the client tries again.
await redis.connect();

const http = createServer();
const io = new Server(http, {
  adapter: createAdapter(redis),
  connectionStateRecovery: { maxDisconnectionDuration: 600_000 },
  transports: ["websocket"],
});

/** What `io.to(room).emit(...)` does, but one can wait until it is in the stream and on its way. */
const emit = (room, ...data) =>
  io.of("/").adapter.broadcast({ type: EVENT, data }, { rooms: new Set([room]), except: new Set(), flags: {} });

io.on("connection", (socket) => {
  socket.on("join", ({ session, user }, acknowledge) => {
    socket.data = { session, user };
    socket.join([session, user]);
    acknowledge();
  });
  socket.on("signal", async ({ to, ...signal }, acknowledge) => {
    await emit(to, "signal", { from: socket.data.user, ...signal });
    acknowledge();
  });
  socket.on("chat", async (chat, acknowledge) => {
    await emit(socket.data.session, "chat", { from: socket.data.user, ...chat });
    acknowledge();
  });
});

http.listen(0, "127.0.0.1", () => {
  console.log(`Socket.IO is ready on http://localhost:${http.address().port}`);
});
