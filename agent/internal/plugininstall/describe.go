package plugininstall

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"github.com/left4me/left4me/agent/internal/fault"
	"github.com/left4me/left4me/sdk"
)

const (
	describeTimeout = 20 * time.Second
	maxDescription  = 8 << 20 // bytes
	nobody          = 65534
)

// beginning keeps the first bytes of what a program prints, and drops the rest: one that prints for ever fills no memory.
type beginning struct{ bytes.Buffer }

// Write implements io.Writer.
func (b *beginning) Write(data []byte) (int, error) {
	if room := maxDescription - b.Len(); room > 0 {
		_, _ = b.Buffer.Write(data[:min(room, len(data))]) // it never fails
	}
	return len(data), nil
}

// describe runs a program's subcommand "describe": as nobody when we are root, because nobody has decided yet to trust it.
func describe(ctx context.Context, program string) (sdk.Description, error) {
	ctx, cancel := context.WithTimeout(ctx, describeTimeout)
	defer cancel()
	file, err := os.Open(program)
	if err != nil {
		return sdk.Description{}, fault.Wrap(err, fault.NotFound, "The program %s cannot be read.", program).WithHint("Install it again.")
	}
	defer file.Close()
	absolute, err := filepath.Abs(program) // a bare name would be looked for in PATH
	if err != nil {
		return sdk.Description{}, err
	}
	cmd := exec.CommandContext(ctx, absolute, "describe")
	if runtime.GOOS == "linux" { // nobody may run what is in a directory that is closed to it
		cmd.Path, cmd.ExtraFiles = "/proc/self/fd/3", []*os.File{file}
	}
	cmd.Env, cmd.Dir = []string{"PATH=/usr/bin:/bin", "LANG=C.UTF-8"}, "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second
	if os.Geteuid() == 0 {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: nobody, Gid: nobody}
	}
	var out beginning
	cmd.Stdout = &out
	err = cmd.Run()
	if cmd.Process != nil {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // nothing is left, as a rule
	}
	var d sdk.Description
	if err == nil {
		err = json.Unmarshal(out.Bytes(), &d)
	}
	if err == nil {
		err = sdk.CheckInfo(sdk.Info{
			Name: d.Name, Version: d.Version, Kind: d.Kind, Capabilities: d.Capabilities, WantedCapabilities: d.WantedCapabilities, Doc: d.Doc,
			PluginSchema: d.PluginSchema, OverlaySchema: d.OverlaySchema,
		})
	}
	if err != nil {
		return d, fault.Wrap(err, fault.Precondition, "The program %s does not describe itself as a plugin.", program).
			WithHint("Ask its author, or hold it against the protocol with: left4me plugin verify")
	}
	if d.ProtocolMajor != sdk.ProtocolMajor {
		return d, fault.New(fault.Precondition, "%s %s speaks version %d of the protocol, and this left4me version %d.", d.Name, d.Version, d.ProtocolMajor, sdk.ProtocolMajor).
			WithHint("Get a version of the plugin for this left4me.")
	}
	return d, nil
}
