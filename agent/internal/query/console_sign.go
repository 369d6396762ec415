package query

import "strings"

// Sign is something that a console line tells about the server.
type Sign string

// Signs. They are hints for people: a player can say the same words in chat, but there they stand after a
// name and a colon, so only whole lines and fixed beginnings count.
const (
	SignNone      Sign = ""
	SignSteam     Sign = "steam"      // connected to Steam
	SignNoSteam   Sign = "no_steam"   // runs, but is not on Steam's list
	SignLANOnly   Sign = "lan_only"   // steamclient.so could not be loaded
	SignHibernate Sign = "hibernate"  // nobody is on: no ticks run. Printed before the first map as well
	SignWake      Sign = "wake"       // somebody connects
	SignOutdated  Sign = "outdated"   // an update of the game is due
	SignNoMap     Sign = "no_map"     // the map does not exist
	SignCrash     Sign = "crash"      // the process crashed
	SignPortTaken Sign = "port_taken" // with -strictportbind
	SignBan       Sign = "rcon_ban"   // an address was banned for wrong RCON passwords
)

// ReadSign returns what line tells, or SignNone. line is as printed or cleaned.
func ReadSign(line string) Sign {
	line = strings.TrimRight(Clean(line), " \t")
	if sign, ok := wholeLineSign(line); ok {
		return sign
	}
	switch {
	case strings.HasPrefix(line, "Host_Error: CModelLoader::Map_IsValid: "), strings.HasPrefix(line, "map load failed: "),
		strings.HasPrefix(line, "changelevel failed: "):
		return SignNoMap
	case strings.HasPrefix(line, "PreMinidumpCallback:"), strings.HasPrefix(line, "Segmentation fault"),
		strings.HasPrefix(line, "./srcds_run: line ") && strings.Contains(line, " Segmentation fault "):
		return SignCrash
	case strings.HasPrefix(line, "[S_API FAIL] SteamAPI_Init() failed; unable to load steamclient.so"):
		return SignLANOnly
	case strings.HasPrefix(line, "Couldn't allocate dedicated server IP port"):
		return SignPortTaken
	case strings.HasPrefix(line, "Banning ") && strings.HasSuffix(line, " for rcon hacking attempts"):
		return SignBan
	}
	return SignNone
}

func wholeLineSign(line string) (Sign, bool) {
	switch line {
	case "Connection to Steam servers successful.":
		return SignSteam, true
	case "Could not establish connection to Steam servers.":
		return SignNoSteam, true
	case "Server is hibernating":
		return SignHibernate, true
	case "Server waking up from hibernation":
		return SignWake, true
	case "MasterRequestRestart", "Your server needs to be restarted in order to receive the latest update.",
		"Your server is out of date.  Please update and restart.":
		return SignOutdated, true
	}
	return SignNone, false
}
