package steam

import (
	"regexp"
	"strconv"
	"strings"
)

// Progress is one line about an update under way. Total 0 means that steamcmd does not know yet.
type Progress struct {
	State uint32 // bits of the app's state, for example 0x61
	Phase string // "downloading", "verifying install", "committing" …
	Done  uint64 // bytes
	Total uint64
}

var (
	updateLine  = regexp.MustCompile(`^ ?Update state \((0x[0-9a-fA-F]{1,8})\) ([a-z ]{1,40}), progress: [0-9.]{1,12} \(([0-9]{1,20}) / ([0-9]{1,20})\)$`)
	selfLine    = regexp.MustCompile(`^\[ *[0-9]{1,3}%\] Downloading update \(([0-9,]{1,20}) of ([0-9,]{1,20}) KB\)\.\.\.$`)
	successLine = regexp.MustCompile(`^Success! App '([0-9]{1,10})' (fully installed|already up to date)\.$`)
	failedLine  = regexp.MustCompile(`^ERROR! Failed to install app '([0-9]{1,10})' \(([^()]{1,80})\)$`)
	stateLine   = regexp.MustCompile(`^Error! App '([0-9]{1,10})' state is (0x[0-9a-fA-F]{1,8}) after update job\.$`)
)

// ReadProgress reads a line about an update, of an app or of steamcmd itself.
func ReadProgress(line string) (Progress, bool) {
	line = strings.TrimRight(line, " \r\n")
	if m := updateLine.FindStringSubmatch(line); m != nil {
		state, err := strconv.ParseUint(m[1][2:], 16, 32)
		done, doneErr := strconv.ParseUint(m[3], 10, 64)
		total, totalErr := strconv.ParseUint(m[4], 10, 64)
		if err != nil || doneErr != nil || totalErr != nil {
			return Progress{}, false
		}
		return Progress{State: uint32(state), Phase: m[2], Done: min(done, total), Total: total}, true
	}
	if m := selfLine.FindStringSubmatch(line); m != nil {
		done, doneErr := strconv.ParseUint(strings.ReplaceAll(m[1], ",", ""), 10, 40)
		total, totalErr := strconv.ParseUint(strings.ReplaceAll(m[2], ",", ""), 10, 40)
		if doneErr != nil || totalErr != nil {
			return Progress{}, false
		}
		return Progress{Phase: "updating steamcmd", Done: min(done, total) << 10, Total: total << 10}, true
	}
	return Progress{}, false
}

// Verdict gathers what steamcmd said about an app in one run. Older versions exit with 0 after a failure, so
// these lines and not the exit status tell how it went.
type Verdict struct {
	App       string
	Succeeded int      // stages that ended well
	UpToDate  int      // of those, how many had nothing to do
	Failure   *Failure // the first one; nil = none
}

// Failure is how steamcmd says that something went wrong.
type Failure struct {
	Reason string // "Missing configuration", "0x402", "Disk write failure"
	Line   string
}

// Read takes one line into account.
func (v *Verdict) Read(line string) {
	line = strings.TrimRight(line, " \r\n")
	if m := successLine.FindStringSubmatch(line); m != nil && m[1] == v.App {
		v.Succeeded++
		if m[2] != "fully installed" {
			v.UpToDate++
		}
		return
	}
	if reason := failureOf(line, v.App); reason != "" && v.Failure == nil {
		v.Failure = &Failure{Reason: reason, Line: line}
	}
}

func failureOf(line, app string) string {
	if m := failedLine.FindStringSubmatch(line); m != nil && m[1] == app {
		return m[2]
	}
	if m := stateLine.FindStringSubmatch(line); m != nil && m[1] == app {
		return strings.ToLower(m[2])
	}
	switch {
	case strings.HasPrefix(line, "ERROR! Disk write failure"):
		return "Disk write failure"
	case strings.HasPrefix(line, "FAILED (") && strings.HasSuffix(line, ")"): // the login
		return strings.TrimSuffix(strings.TrimPrefix(line, "FAILED ("), ")")
	case strings.HasPrefix(line, "ERROR! Failed to request AppInfo update"), strings.HasPrefix(line, "Download failed: "):
		return "No connection"
	}
	return ""
}

// Remedy is what can be done about a failure.
type Remedy string

// Remedies.
const (
	Again    Remedy = "again"    // it passes: try the same once more
	Repair   Remedy = "repair"   // try again, and have every file checked
	Both     Remedy = "both"     // ask for the windows files first, then for linux
	Space    Remedy = "space"    // the disk is full
	Disk     Remedy = "disk"     // the disk cannot be written to
	Account  Remedy = "account"  // Steam does not give this app to anonymous users
	Nothing  Remedy = "nothing"  // unknown
	Patience Remedy = "patience" // the network or Steam is down: try later
)

// Remedy says what can be done. The meaning of the state codes is from the experience of server operators.
func (f Failure) Remedy() Remedy {
	switch f.Reason {
	case "Missing configuration":
		return Again
	case "Invalid platform":
		return Both
	case "0x202", "0x212", "Not enough disk space":
		return Space
	case "0x606", "Disk write failure":
		return Disk
	case "0x402", "0x602", "No connection", "No Connection", "Timeout", "Service Unavailable", "Rate Limit Exceeded", "Try Another CM":
		return Patience
	case "0x626", "0x6a6", "Missing update files", "Corrupt update files", "Corrupt disk":
		return Repair
	case "No subscription", "Invalid Password", "Account Logon Denied", "Access Denied":
		return Account
	}
	return Nothing
}
