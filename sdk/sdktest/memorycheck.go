package sdktest

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
)

// Bounds of what a plugin without work may hold, in bytes.
const (
	idleMemory  = 256 << 20
	grownMemory = 64 << 20
)

// memoryCalls is how often the plugin is asked and configured before its memory is looked at again.
const memoryCalls = 100

func checkMemory(t T, w way) {
	if runtime.GOOS != "linux" {
		t.Skipf("needs /proc")
	}
	r := w.ready(t, t.TempDir())
	idle := memoryOf(t, r.process.PID())
	if idle > idleMemory {
		t.Errorf("it holds %d MiB before it has any work, and may hold %d", idle>>20, idleMemory>>20)
	}
	for range memoryCalls {
		if _, err := r.base.Info(patient(t)); err != nil {
			t.Fatalf("Info: %v", err)
		}
		Configure(t, r.conn, w.settings(r))
	}
	if now := memoryOf(t, r.process.PID()); now > idle+grownMemory {
		t.Errorf("it grew from %d to %d MiB over %d calls without work", idle>>20, now>>20, memoryCalls)
	}
}

// memoryOf is the anonymous memory of a process and of what it started in its process group, in bytes.
func memoryOf(t T, pid int) uint64 {
	t.Helper()
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatalf("look for processes: %v", err)
	}
	sum := uint64(0)
	for _, name := range stats {
		text, err := os.ReadFile(name)
		if err != nil {
			continue // it ended
		}
		// pid (comm) state ppid pgrp …; comm may hold anything.
		_, rest, _ := strings.Cut(string(text[strings.LastIndexByte(string(text), ')')+1:]), " ")
		if fields := strings.Fields(rest); len(fields) < 3 || fields[2] != strconv.Itoa(pid) {
			continue
		}
		sum += anonymous(filepath.Join(filepath.Dir(name), "status"))
	}
	if sum == 0 {
		t.Fatalf("the memory of process %d cannot be read", pid)
	}
	return sum
}

func anonymous(status string) uint64 {
	text, err := os.ReadFile(status)
	if err != nil {
		return 0 // it ended
	}
	_, rest, _ := strings.Cut(string(text), "\nRssAnon:")
	var kib uint64
	if _, err := fmt.Sscan(rest, &kib); err != nil {
		return 0
	}
	return kib << 10
}
