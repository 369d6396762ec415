package e2e_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// BenchmarkDemo measures make run as a person sees it: until everything is up, from there until the first server
// answers, until Ctrl-C has ended it, and what each part holds in memory while nothing happens. Anonymous memory is
// the program's own; resident memory counts the mapped program too, which its instances share.
func BenchmarkDemo(b *testing.B) {
	for range b.N {
		demoOnce(b)
	}
}

func demoOnce(b *testing.B) {
	begin := time.Now()
	d := benchDemo(b)
	up := time.Now()
	d.do(b, "server", "start", "demo")
	b.ReportMetric(up.Sub(begin).Seconds(), "s-until-up")
	b.ReportMetric(time.Since(up).Seconds(), "s-until-first-server")
	time.Sleep(2 * time.Second) // let it idle
	memory(b)
	end := time.Now()
	d.end(b)
	b.ReportMetric(time.Since(end).Seconds(), "s-until-ended")
}

// benchedDemo is a demo that a benchmark measures.
type benchedDemo struct {
	command *exec.Cmd
	output  bytes.Buffer
	socket  string
	ended   bool
}

// benchDemo starts a demo and returns when its server is known. It is ended with the benchmark.
func benchDemo(b *testing.B) *benchedDemo {
	b.Helper()
	dir, err := os.MkdirTemp("", "left4me-bench-")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		b.Fatal(err)
	}
	state := filepath.Join(dir, "s")
	d := &benchedDemo{socket: filepath.Join(state, "run", "agent.sock"),
		command: exec.Command(filepath.Join(bin, "left4me"), "demo", "--state", state, "--bin", bin, "--panel", "127.0.0.1:27089")}
	d.command.Stdout, d.command.Stderr = &d.output, &d.output
	begin := time.Now()
	if err := d.command.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { d.end(b) })
	for {
		if _, err := d.try("server", "show", "demo"); err == nil {
			return d
		}
		if time.Since(begin) > time.Minute {
			b.Fatalf("it did not come up:\n%s", d.output.String())
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// try runs a command of the command line and returns what it printed.
func (d *benchedDemo) try(arguments ...string) ([]byte, error) {
	out, err := exec.Command(filepath.Join(bin, "left4me"), append([]string{"--socket", d.socket}, arguments...)...).Output()
	var failed *exec.ExitError
	if errors.As(err, &failed) {
		err = fmt.Errorf("%w: %s", err, failed.Stderr)
	}
	return out, err
}

// do is try for what must work.
func (d *benchedDemo) do(b *testing.B, arguments ...string) []byte {
	b.Helper()
	out, err := d.try(arguments...)
	if err != nil {
		b.Fatal(err)
	}
	return out
}

// end ends the demo and waits for it. Once is enough.
func (d *benchedDemo) end(b *testing.B) {
	b.Helper()
	if d.ended {
		return
	}
	d.ended = true
	_ = d.command.Process.Signal(syscall.SIGINT)
	if err := d.command.Wait(); err != nil {
		b.Errorf("%v\n%s", err, d.output.String())
	}
}

func memory(b *testing.B) {
	names := map[string]string{"left4me agent": "agent", "left4me-web serve": "panel", "mounter-kernel": "mounter",
		"overlay-script": "script", "overlay-workshop": "workshop"}
	entries, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, entry := range entries {
		data, _ := os.ReadFile(entry)
		line := strings.ReplaceAll(string(data), "\x00", " ")
		for program, name := range names {
			if strings.HasPrefix(line, bin+"/"+program) {
				status, _ := os.ReadFile(filepath.Join(filepath.Dir(entry), "status"))
				b.ReportMetric(mebibytes(string(status), "VmRSS"), fmt.Sprintf("MiB-%s-rss", name))
				b.ReportMetric(mebibytes(string(status), "RssAnon"), fmt.Sprintf("MiB-%s-own", name))
			}
		}
	}
}

func mebibytes(status, key string) float64 {
	_, rest, _ := strings.Cut(status, key+":")
	kib, _ := strconv.ParseFloat(strings.Fields(rest + " 0")[0], 64)
	return kib / 1024
}
