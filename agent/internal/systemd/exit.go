package systemd

import (
	"fmt"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/left4me/left4me/agent/internal/server"
)

// How a process ended, si_code of waitid(2).
const (
	codeExited = 1
	codeKilled = 2
	codeDumped = 3
)

// seen is what systemd says of a unit, as far as it matters here.
type seen struct {
	active  string // ActiveState
	job     uint32 // id of a queued job; 0 = none
	pid     uint32 // MainPID
	result  string // Result: "success", "exit-code", "signal", "core-dump", "oom-kill", "timeout", …
	code    int32  // ExecMainCode
	status  int32  // ExecMainStatus: exit code or signal
	started uint64 // ExecMainStartTimestampMonotonic, µs
	began   uint64 // ExecMainStartTimestamp, µs since 1970
	ended   uint64 // ExecMainExitTimestamp, µs since 1970
}

// exit tells how a unit ended.
func (s seen) exit() server.Exit {
	e := server.Exit{OOM: s.result == "oom-kill", Reason: reasons[s.result]}
	switch s.code {
	case codeExited:
		e.Code = int(s.status)
		if e.Reason == "" {
			e.Reason = insideReason(e.Code)
		}
	case codeKilled, codeDumped:
		e.Code, e.Signal = -1, signalName(s.status)
	default: // it never ran, or nothing is known
		e.Code = -1
	}
	return e
}

func signalName(number int32) string {
	if name := unix.SignalName(unix.Signal(number)); name != "" {
		return name
	}
	return fmt.Sprintf("signal %d", number)
}

// reasons are what Result of a service tells beyond the exit of its process (systemd.service(5), $SERVICE_RESULT).
var reasons = map[string]string{
	"timeout":           "it did not end in time and was killed",
	"watchdog":          "it missed its watchdog",
	"resources":         "the host had no resources for it",
	"start-limit-hit":   "systemd was asked to start it too often",
	"exec-condition":    "a condition of its unit does not hold",
	"protocol":          "its unit is not set up as left4me needs it",
	"oom-kill":          "the kernel or its unit's memory limit took it down",
	"condition-not-met": "a condition of its unit does not hold",
}

// startFailure says why a process of a unit could not be started: what systemd itself reports in place of an exit
// code (systemd.exec(5), "Process Exit Codes"), or the program inside the unit.
type startFailure struct{ message, hint string }

var startFailures = map[int32]startFailure{
	200: {"systemd could not enter its working directory", "Look into: systemctl status UNIT"},
	202: {"systemd could not hand it its files", "Look into: systemctl status UNIT"},
	203: {"/usr/bin/left4me could not be executed inside the unit", "Install it there, or correct ExecStart with: systemctl edit left4me-server@.service"},
	204: {"the host had no memory for it", "Free memory, then start it again."},
	205: {"its limits of files or processes are beyond what the host allows", "Lower Limit… in the unit with: systemctl edit left4me-server@.service"},
	206: {"its OOM score could not be set", "Remove OOMScoreAdjust with: systemctl edit left4me-server@.service"},
	208: {"its input could not be opened", "Look into: systemctl status UNIT"},
	209: {"its output could not be connected to the journal", "Check that systemd-journald runs."},
	214: {"its scheduling could not be set", "Remove Nice or CPUScheduling… with: systemctl edit left4me-server@.service"},
	215: {"it was bound to processors that this host does not have", "Correct CPUAffinity with: systemctl edit left4me-server@.service"},
	216: {"the group of games does not exist", "Create it: systemd-sysusers, or groupadd --system left4me-game"},
	217: {"the user of games does not exist", "Create it: systemd-sysusers, or useradd --system left4me-game"},
	218: {"its capabilities could not be dropped", "Look into: systemctl status UNIT"},
	219: {"its control group could not be made", "Look into: systemctl status UNIT"},
	222: {"its output could not be connected to the journal", "Check that systemd-journald runs."},
	225: {"its network could not be set up", "Look into: systemctl status UNIT"},
	226: {"its view of the file system could not be made: a directory that the unit shows does not exist",
		"Check that the tree is mounted, then look into: systemctl status UNIT"},
	227: {"it could not be kept from gaining privileges", "Look into: systemctl status UNIT"},
	228: {"its system call filter could not be applied", "Check that the kernel has seccomp."},
	232: {"its address families could not be restricted", "Check that the kernel has seccomp."},
	237: {"its keyring could not be made", "Look into: systemctl status UNIT"},
	243: {"its credentials could not be read", "Look into: systemctl status UNIT"},
	245: {"a BPF filter of the unit could not be loaded", "Remove RestrictFileSystems or BPF settings with: systemctl edit left4me-server@.service"},
}

// whyNotStarted explains a failed start by the exit code of the process that failed.
func whyNotStarted(status int32, unit string) startFailure {
	failure, known := insideFailures[status]
	if !known {
		failure, known = startFailures[status]
	}
	if !known {
		failure = startFailure{fmt.Sprintf("its first process ended with code %d", status), "Look into: journalctl -u UNIT"}
	}
	failure.hint = strings.ReplaceAll(failure.hint, "UNIT", unit)
	return failure
}

// signalNumber returns the signal whose name is given without SIG; 0 when there is none.
func signalNumber(name string) int32 { return int32(unix.SignalNum("SIG" + name)) }
