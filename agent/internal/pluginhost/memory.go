package pluginhost

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
)

// residentMemory returns the resident bytes of a process, 0 when they cannot be learned. Source:
// proc(5), statm, second field, in pages.
func residentMemory(pid int) uint64 {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	fields := bytes.Fields(data)
	if err != nil || len(fields) < 2 {
		return 0
	}
	pages, _ := strconv.ParseUint(string(fields[1]), 10, 64) // the kernel writes numbers
	return pages * uint64(os.Getpagesize())
}
