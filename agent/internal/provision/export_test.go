package provision

import "io/fs"

// Parts that only run on a real host otherwise.
var (
	MountsBelow = mountsBelow
	FormatCPUs  = formatCPUs
)

// Cores reads the CPUs of a host and reserves n cores of them for games.
func Cores(cpu fs.FS, n int) (games, builds []int, err error) {
	cores, err := readCores(cpu)
	if err != nil {
		return nil, nil, err
	}
	return split(cores, n)
}

// Configure runs the configuration step with root as "/".
func Configure(root string) (Report, error) {
	h := &host{root: root}
	if err := h.readRecord(); err != nil {
		return Report{}, err
	}
	err := h.configure()
	if err == nil {
		err = h.writeRecord()
	}
	return h.report, err
}

// MendDatabases runs the database step with root as "/".
func MendDatabases(root string) (Report, error) {
	h := &host{root: root, record: Record{Files: map[string]string{}}}
	err := h.databases()
	return h.report, err
}
