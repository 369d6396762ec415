package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// execute runs tests, a package at a time: many boot a host or need a whole machine.
func execute(ctx context.Context, tests []*test) error {
	packages := map[string][]*test{}
	var order []string
	for _, t := range tests {
		if packages[t.dir] == nil {
			order = append(order, t.dir)
		}
		packages[t.dir] = append(packages[t.dir], t)
	}
	slices.Sort(order)
	var failures []error
	for _, dir := range order {
		fmt.Fprintf(os.Stderr, "== %s (%d)\n", dir, len(packages[dir]))
		if err := executePackage(ctx, dir, packages[dir]); err != nil {
			failures = append(failures, fmt.Errorf("%s: %w", dir, err))
		}
	}
	return errors.Join(failures...)
}

// wholly is the package whose other tests are run too.
const wholly = "test/host"

func executePackage(ctx context.Context, dir string, tests []*test) error {
	names := make([]string, len(tests))
	for i, t := range tests {
		names[i] = t.name
	}
	pattern := "^(" + strings.Join(names, "|") + ")$"
	if dir == wholly {
		pattern = "."
	}
	command := exec.CommandContext(ctx, "go", "test", "-count=1", "-timeout=40m", "-json", "-run", pattern, ".")
	command.Dir = dir // each module by itself
	var stderr bytes.Buffer
	command.Stderr = &stderr
	stdout, err := command.StdoutPipe()
	if err != nil {
		return err
	}
	if err := command.Start(); err != nil {
		return err
	}
	failed := follow(stdout, tests, os.Stderr)
	if err := command.Wait(); err != nil {
		return fmt.Errorf("%w\n%s%s", err, failed, stderr.String())
	}
	return nil
}

// event is a line of "go test -json" (go doc test2json).
type event struct{ Action, Package, Test, Output string }

// follow notes how tests end, shows what they measured, and returns what failing ones said.
func follow(r io.Reader, tests []*test, measured io.Writer) string {
	said := map[string]*strings.Builder{} // by package and test, as long as it runs
	var failed strings.Builder
	lines := bufio.NewReader(r)
	for {
		line, err := lines.ReadBytes('\n')
		var e event
		if json.Unmarshal(line, &e) == nil {
			e.note(tests, said, &failed)
			e.measure(measured)
		}
		if err != nil {
			return failed.String()
		}
	}
}

func (e event) note(tests []*test, said map[string]*strings.Builder, failed *strings.Builder) {
	key := e.Package + " " + e.Test
	if said[key] == nil {
		said[key] = &strings.Builder{}
	}
	said[key].WriteString(e.Output)
	if e.Action == "fail" {
		failed.WriteString(said[key].String())
	}
	if !slices.Contains([]string{"pass", "fail", "skip"}, e.Action) {
		return
	}
	delete(said, key)
	for _, t := range tests {
		if t.name == e.Test && e.of(t) {
			t.result = e.Action
		}
	}
}

// of says whether the event's package is that of t. Every module's path ends with its directory.
func (e event) of(t *test) bool {
	return t.dir == "." || strings.HasSuffix(e.Package, "/"+filepath.ToSlash(t.dir))
}

// A measurement is logged as "S1: …".
var measurement = regexp.MustCompile(`\.go:\d+: (S\d{1,2}: .*)`)

func (e event) measure(w io.Writer) {
	if found := measurement.FindStringSubmatch(e.Output); found != nil {
		fmt.Fprintln(w, "  ", found[1])
	}
}
