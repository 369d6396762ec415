package sdktest

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"syscall"

	"github.com/left4me/left4me/sdk"
)

// processChecks are the checks of a plugin's process. In process they are skipped.
func processChecks[S waySubject]() []check[S] {
	on := func(f func(T, way)) func(T, S) {
		return func(t T, s S) {
			if !s.theWay().process {
				t.Skipf("the plugin runs inside the test's process")
			}
			f(t, s.theWay())
		}
	}
	return []check[S]{
		{"C01", "standard output is one handshake line", on(checkHandshake)},
		{"C02", "started by hand it says what it is", on(checkByHand)},
		{"C03", "a host of another major is answered cleanly", on(checkOtherMajor)},
		{"C04", "describe works without an agent", on(checkDescribe)},
		{"C06", "the end of the input ends the process", on(checkInputEnds)},
		{"C07", "SIGTERM ends the process with status 0", on(checkTerm)},
		{"C08", "no socket is left", on(checkSockets)},
		{"C09", "the log is fit for a host", on(checkLog)},
		{"C10", "children inherit no connection", on(checkDescriptors)},
		{"C12", "start and stop ten times", on(checkCycles)},
		{"C13", "memory stays bounded", on(checkMemory)},
	}
}

// raw starts the plugin with a launch line but without go-plugin's client.
func raw(t T, w way, majors string) *processRunner {
	t.Helper()
	dir, err := SocketDir()
	if err != nil {
		t.Fatalf("make a directory for the socket: %v", err)
	}
	shake := sdk.Handshake()
	r := &processRunner{command: *w.subject.Command, exited: make(chan struct{})}
	r.launch = sdk.FormatLaunch([]string{
		shake.MagicCookieKey + "=" + shake.MagicCookieValue,
		"PLUGIN_PROTOCOL_VERSIONS=" + majors,
		"PLUGIN_UNIX_SOCKET_DIR=" + dir,
	})
	t.Cleanup(func() {
		_ = r.Kill(context.Background()) // always succeeds
		<-r.exited
		_ = os.RemoveAll(dir)
	})
	if err := r.Start(context.Background()); err != nil {
		t.Fatalf("start: %v", err)
	}
	return r
}

// allOutput reads standard output up to the end of the process, which it brings about by closing the
// input after the first line.
func allOutput(t T, r *processRunner) string {
	t.Helper()
	result := make(chan string, 1)
	go func() {
		var out strings.Builder
		buffer := make([]byte, 4096)
		closed := false
		for {
			n, err := r.stdout.Read(buffer)
			out.Write(buffer[:n])
			if !closed && strings.Contains(out.String(), "\n") {
				_ = r.input.Close() // the process notices, or is killed by the check
				closed = true
			}
			if err != nil {
				result <- out.String()
				return
			}
		}
	}()
	select {
	case out := <-result:
		<-r.exited
		return out
	case <-patient(t).Done():
		t.Fatalf("the process did not end when its input did")
		return ""
	}
}

func checkHandshake(t T, w way) {
	out := allOutput(t, raw(t, w, "1"))
	if strings.Count(out, "\n") != 1 || !strings.HasPrefix(out, "1|1|unix|") || !strings.Contains(out, "|grpc|") {
		t.Errorf("standard output is not one handshake line of a gRPC plugin: %q", out)
	}
}

func checkByHand(t T, w way) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, w.subject.Command.Path, w.subject.Command.Args...)
	cmd.Env = w.subject.Command.Env
	out, err := cmd.CombinedOutput() // standard input is /dev/null
	if cmd.ProcessState == nil || cmd.ProcessState.ExitCode() != 1 {
		t.Errorf("exit status is not 1: %v", err)
	}
	if !strings.Contains(string(out), "plugin") {
		t.Errorf("it does not say that it is a plugin: %q", out)
	}
}

func checkOtherMajor(t T, w way) {
	r := raw(t, w, "99")
	out := allOutput(t, r)
	log := r.logged()
	if strings.Contains(log, "panic") {
		t.Errorf("it panicked: %s", log)
	}
	if out != "" && !strings.HasPrefix(out, "1|1|") {
		t.Errorf("it does not name its own major, so a host cannot say what to update: %q", out)
	}
}

// description runs the subcommand "describe".
func description(t T, w way) sdk.Description {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, w.subject.Command.Path, append(w.subject.Command.Args, "describe")...)
	cmd.Env = w.subject.Command.Env
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("describe: %v", err)
	}
	var d sdk.Description
	if err := json.Unmarshal(out, &d); err != nil {
		t.Fatalf("describe printed no JSON: %v\n%s", err, out)
	}
	return d
}

func checkDescribe(t T, w way) {
	d := description(t, w)
	if d.ProtocolMajor != sdk.ProtocolMajor {
		t.Errorf("protocol major is %d, want %d", d.ProtocolMajor, sdk.ProtocolMajor)
	}
	info, err := w.start(t, t.TempDir()).base.Info(patient(t))
	if err != nil {
		t.Fatalf("Info: %v", err)
	}
	got := sdk.Info{
		Name: d.Name, Version: d.Version, SDKVersion: d.SDKVersion, Minor: d.ProtocolMinor, Kind: d.Kind,
		Capabilities: d.Capabilities, WantedCapabilities: d.WantedCapabilities, Doc: d.Doc,
	}
	schemas := [][2]json.RawMessage{{d.PluginSchema, info.PluginSchema}, {d.OverlaySchema, info.OverlaySchema}}
	info.PluginSchema, info.OverlaySchema = nil, nil
	if !reflect.DeepEqual(got, info) {
		t.Errorf("describe and Info differ:\n%+v\n%+v", got, info)
	}
	for _, pair := range schemas {
		if !sameDocument(pair[0], pair[1]) {
			t.Errorf("a schema of describe differs from Info's:\n%s\n%s", pair[0], pair[1])
		}
	}
}

func sameDocument(a, b json.RawMessage) bool {
	if len(a) == 0 || len(b) == 0 {
		return len(a) == len(b)
	}
	var x, y any
	return json.Unmarshal(a, &x) == nil && json.Unmarshal(b, &y) == nil && reflect.DeepEqual(x, y)
}

func checkInputEnds(t T, w way) {
	p := w.ready(t, t.TempDir()).process
	if err := p.CloseInput(); err != nil {
		t.Fatalf("close the input: %v", err)
	}
	wantExit(t, p, "the end of its input")
}

func checkTerm(t T, w way) {
	p := w.ready(t, t.TempDir()).process
	if err := p.Signal(syscall.SIGTERM); err != nil {
		t.Fatalf("signal: %v", err)
	}
	wantExit(t, p, "SIGTERM")
}

func wantExit(t T, p *Process, why string) {
	t.Helper()
	status, err := p.Wait(patient(t))
	if err != nil {
		t.Fatalf("after %s: %v", why, err)
	}
	if status != 0 {
		t.Errorf("after %s the exit status is %d, want 0", why, status)
	}
}

func checkSockets(t T, w way) {
	for _, end := range []func(*Process){
		func(p *Process) { _ = p.CloseInput() }, // fails only when closed before
		func(p *Process) { p.client.Kill() },
	} {
		p := w.ready(t, t.TempDir()).process
		end(p)
		if _, err := p.Wait(patient(t)); err != nil {
			t.Fatalf("%v", err)
		}
		sockets, err := filepath.Glob(filepath.Join(p.SocketDir(), "*", "*"))
		if err != nil || len(sockets) > 0 {
			t.Errorf("left behind: %v (%v)", sockets, err)
		}
	}
}

func checkLog(t T, w way) {
	p := w.ready(t, t.TempDir()).process
	if err := p.CloseInput(); err != nil {
		t.Fatalf("close the input: %v", err)
	}
	if _, err := p.Wait(patient(t)); err != nil {
		t.Fatalf("%v", err)
	}
	for line := range strings.Lines(p.Log()) {
		var fields map[string]any
		if json.Unmarshal([]byte(line), &fields) != nil {
			continue // plain text is fine
		}
		for _, key := range []string{"@message", "@level", "@timestamp"} {
			if value, ok := fields[key]; ok {
				if _, isText := value.(string); !isText {
					t.Errorf("%s is no text, which crashes some hosts: %s", key, line)
				}
			}
		}
	}
}

func checkDescriptors(t T, w way) {
	if runtime.GOOS != "linux" {
		t.Skipf("needs /proc")
	}
	p := w.ready(t, t.TempDir()).process
	link := func(fd int) string {
		target, err := os.Readlink(fmt.Sprintf("/proc/%d/fd/%d", p.PID(), fd))
		if err != nil {
			t.Fatalf("look at the plugin's descriptors: %v", err)
		}
		return target
	}
	if link(1) != link(2) {
		t.Errorf("descriptor 1 is %s: a stray print would reach the host's handshake", link(1))
	}
	if link(0) != os.DevNull {
		t.Errorf("descriptor 0 is %s: a child would inherit the launch line's pipe", link(0))
	}
}

func checkCycles(t T, w way) {
	for range 10 {
		p := w.ready(t, t.TempDir()).process
		p.client.Kill()
		if _, err := p.Wait(patient(t)); err != nil {
			t.Fatalf("%v", err)
		}
		if !p.alone(t.Context()) {
			t.Fatalf("it ended and left a process that it had started")
		}
	}
}
