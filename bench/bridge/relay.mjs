// The floor of a server in JavaScript: what a client of a path sends goes to all others of that
// path, and nothing else happens. The first large message is kept, and is the answer to every
// step 1: it stands for the document.
//
//   node relay.mjs PORT

import { WebSocketServer } from 'ws'

const largeBytes = 32 * 1024
const nothing = Uint8Array.of(0, 1, 2, 0, 0)
const rooms = new Map()

const server = new WebSocketServer({ host: '127.0.0.1', port: Number(process.argv[2]), perMessageDeflate: false })
server.on('connection', (socket, { url }) => {
  if (!rooms.has(url)) rooms.set(url, { sockets: new Set(), large: nothing })
  const room = rooms.get(url)
  room.sockets.add(socket)
  socket.on('message', (message) => {
    if (message[0] === 0 && message[1] === 0) {
      socket.send(room.large)
      return
    }
    if (message.length >= largeBytes && room.large === nothing) {
      room.large = Buffer.from(message)
      room.large[1] = 1 // A step 2.
    }
    for (const other of room.sockets) if (other !== socket) other.send(message)
  })
  socket.on('close', () => room.sockets.delete(socket))
})
