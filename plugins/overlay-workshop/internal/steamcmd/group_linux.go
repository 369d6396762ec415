package steamcmd

import (
	"os/exec"
	"syscall"
)

// ownGroup puts the command and what it starts into a process group that ends with the context and with the
// plugin.
func ownGroup(command *exec.Cmd) {
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	command.Cancel = func() error { return syscall.Kill(-command.Process.Pid, syscall.SIGKILL) }
}

// endGroup kills what is left of the group.
func endGroup(command *exec.Cmd) {
	_ = syscall.Kill(-command.Process.Pid, syscall.SIGKILL) // usually nothing is left
}
