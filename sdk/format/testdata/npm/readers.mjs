// Reads files with readers that are not ours and prints what each understood as one JSON object.
// usage: node readers.mjs vpk FILE… | node readers.mjs keyvalues FILE…
import { readFileSync } from 'node:fs'
import { parse as nodeSteam } from '@node-steam/vdf'
import { parse as kvparser } from 'kvparser'
import simple from 'simple-vdf'
import VPK from 'vpk'

function readPack (path) {
  const pack = new VPK(path)
  pack.load()
  return Object.fromEntries(Object.entries(pack.tree).map(([name, entry]) =>
    [name, { crc: entry.crc, size: entry.preloadBytes + entry.entryLength, archive: entry.archiveIndex }]))
}

function attempt (read) {
  try {
    return { value: read() }
  } catch (failure) {
    return { error: String(failure) }
  }
}

const [kind, ...paths] = process.argv.slice(2)
const out = {}
for (const path of paths) {
  if (kind === 'vpk') {
    out[path] = { vpk: attempt(() => readPack(path)) }
    continue
  }
  const text = readFileSync(path, 'utf8')
  out[path] = {
    'simple-vdf': attempt(() => simple.parse(text)),
    kvparser: attempt(() => kvparser(text)),
    '@node-steam/vdf': attempt(() => nodeSteam(text))
  }
}
console.log(JSON.stringify(out))
