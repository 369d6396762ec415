// Asks a server with every client and prints what each understood as one JSON object.
// usage: node clients.mjs PORT RCON_PASSWORD
import { connect } from 'node:net'
import valve from '@fabricio-191/valve-server-query'
import { GameDig } from 'gamedig'
import { Rcon as RconClient } from 'rcon-client'
import packets from 'rcon-client/lib/packet.js'
import splitter from 'rcon-client/lib/splitter.js'
import { queryGameServerInfo, queryGameServerPlayer, queryGameServerRules } from 'steam-server-query'

const [port, password] = [Number(process.argv[2]), process.argv[3]]
const host = '127.0.0.1'

async function gamedig () {
  const r = await GameDig.query({
    type: 'l4d2', host, port, givenPortOnly: true, ipFamily: 4, requestRules: true, requestPlayers: true
  })
  return {
    name: r.name, map: r.map, max: r.maxplayers, version: r.version,
    players: r.players.concat(r.bots).map(p => p.name), rules: r.raw.rules
  }
}

async function steamServerQuery () {
  const target = `${host}:${port}`
  return {
    info: await queryGameServerInfo(target, 1, 3000),
    players: await queryGameServerPlayer(target, 1, 3000),
    rules: await queryGameServerRules(target, 1, 3000)
  }
}

async function rconClientAnswers () {
  const rcon = await RconClient.connect({ host, port, password, timeout: 3000 })
  const [status, mode, echo] = await Promise.all([rcon.send('status'), rcon.send('mp_gamemode'), rcon.send('echo ok')])
  await rcon.end()
  return { status, mode, echo }
}

async function valveServerQuery () {
  const server = await valve.Server({ ip: host, port, timeout: 3000 })
  const [info, players, rules] = [await server.getInfo(), await server.getPlayers(), await server.getRules()]
  const rcon = await valve.RCON({ ip: host, port, password, timeout: 3000 })
  const status = await rcon.exec('status')
  rcon.destroy()
  const refusal = await valve.RCON({ ip: host, port, password: 'wrong', timeout: 3000 }).then(() => '', e => e.message)
  return { name: info.name, appID: info.appID, version: info.version, players: players.map(p => p.name), rules, status, refusal }
}

// The conversation with an end mark, which neither client has, over the framing code of one of them.
function longAnswer () {
  return new Promise((resolve, reject) => {
    const socket = connect(port, host, () => {
      for (const [id, type, text] of [[1, 3, password], [7, 2, 'cvarlist'], [8, 0, '']]) {
        socket.write(packets.encodePacket({ id, type, payload: Buffer.from(text) }))
      }
    })
    socket.on('error', reject)
    const seen = []
    socket.pipe(splitter.createSplitter()).on('data', data => {
      const p = packets.decodePacket(data)
      seen.push({ id: p.id, type: p.type, size: data.length - 4, text: p.payload.toString('utf8') })
      if (seen.filter(p => p.id === 8).length === 2) {
        socket.destroy()
        const body = seen.filter(p => p.id === 7)
        resolve({
          sizes: body.map(p => p.size),
          order: seen.map(p => p.id).join(' '),
          ends: body.map(p => p.text).join('').trimEnd().endsWith('total convars/concommands')
        })
      }
    })
  })
}

const bigint = (_, v) => typeof v === 'bigint' ? v.toString() : v
console.log(JSON.stringify({
  gamedig: await gamedig(),
  steamServerQuery: await steamServerQuery(),
  rconClient: await rconClientAnswers(),
  valveServerQuery: await valveServerQuery(),
  longAnswer: await longAnswer()
}, bigint))
process.exit(0)
