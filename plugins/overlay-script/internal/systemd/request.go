package systemd

import "regexp"

const (
	prefix    = "left4me-sandbox@"
	slice     = "left4me-build-script.slice"
	runsDir   = "/run/left4me-sandbox/runs"
	probeTree = "/run/left4me-sandbox/probe"
	probeName = "probe"        // the instance whose tree systemd makes
	insideDir = "/run/left4me" // where the run's directory is seen inside
)

// Names in a run's directory.
const (
	requestName = "request"
	scriptName  = "script"
	stdoutName  = "stdout"
	stderrName  = "stderr"
	statusName  = "status" // reports, from the program inside
	lifeName    = "life"   // open as long as the plugin lives
)

// names of instances, as the polkit rule has them.
var names = regexp.MustCompile(`^[a-z0-9-]{1,64}$`)

// request is what the plugin asks of the program inside.
type request struct {
	Interpreter []string
	Environment map[string]string
	Offline     bool
	Device      uint64 // of the tree, as the plugin sees it
	Inode       uint64
	FileSize    uint64 // 0 is no limit
	Tasks       uint64
	TmpSize     uint64 // bytes of /tmp, and of /dev/shm
}

// report is a line from the program inside. The script could write one as well: it can only lie about itself.
type report struct {
	Ready bool   `json:",omitempty"` // waits for the word to go on
	Error string `json:",omitempty"` // the script could not be started
	Code  int    `json:",omitempty"` // as bash has it: 128+n after signal n
}
