package query

import (
	"strconv"
	"strings"
)

// steamID64Base is the SteamID64 of account 0 in the public universe.
const steamID64Base = 76561197960265728

// SteamID64 returns the 64-bit form of "STEAM_X:Y:Z". It fails for bots, for pending and for LAN ids.
func SteamID64(id string) (uint64, bool) {
	rest, ok := strings.CutPrefix(id, "STEAM_")
	if !ok || len(rest) < 5 || rest[0] < '0' || rest[0] > '5' || rest[1] != ':' || rest[3] != ':' {
		return 0, false
	}
	y := rest[2]
	z, err := strconv.ParseUint(rest[4:], 10, 31)
	if err != nil || (y != '0' && y != '1') || rest[4] == '+' {
		return 0, false
	}
	return steamID64Base + z*2 + uint64(y-'0'), true
}

// SteamID returns the text form of a SteamID64, "STEAM_1:Y:Z", as srcds takes it in commands. It fails for numbers
// that belong to no person.
func SteamID(id uint64) (string, bool) {
	if id < steamID64Base || id-steamID64Base >= 1<<32 {
		return "", false
	}
	account := id - steamID64Base
	return "STEAM_1:" + strconv.FormatUint(account&1, 10) + ":" + strconv.FormatUint(account>>1, 10), true
}
