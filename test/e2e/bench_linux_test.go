package e2e_test

import (
	"bytes"
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
	dir, err := os.MkdirTemp("", "left4me-bench-")
	if err != nil {
		b.Fatal(err)
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o755); err != nil {
		b.Fatal(err)
	}
	state := filepath.Join(dir, "s")
	command := exec.Command(filepath.Join(bin, "left4me"), "demo", "--state", state, "--bin", bin, "--panel", "127.0.0.1:27089")
	var output bytes.Buffer
	command.Stdout, command.Stderr = &output, &output
	begin := time.Now()
	if err := command.Start(); err != nil {
		b.Fatal(err)
	}
	socket := filepath.Join(state, "run", "agent.sock")
	run := func(arguments ...string) error {
		return exec.Command(filepath.Join(bin, "left4me"), append([]string{"--socket", socket}, arguments...)...).Run()
	}
	for run("server", "show", "demo") != nil {
		if time.Since(begin) > time.Minute {
			b.Fatalf("it did not come up:\n%s", output.String())
		}
		time.Sleep(10 * time.Millisecond)
	}
	up := time.Now()
	if err := run("server", "start", "demo"); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(up.Sub(begin).Seconds(), "s-until-up")
	b.ReportMetric(time.Since(up).Seconds(), "s-until-first-server")
	time.Sleep(2 * time.Second) // let it idle
	memory(b)
	end := time.Now()
	_ = command.Process.Signal(syscall.SIGINT)
	if err := command.Wait(); err != nil {
		b.Fatalf("%v\n%s", err, output.String())
	}
	b.ReportMetric(time.Since(end).Seconds(), "s-until-ended")
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
