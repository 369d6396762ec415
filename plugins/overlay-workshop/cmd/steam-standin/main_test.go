package main

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
)

func TestServesTheDemoUntilItsInputEnds(t *testing.T) {
	outReader, outWriter := io.Pipe()
	inReader, inWriter := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		ended <- run(context.Background(), []string{"--demo", filepath.Join(t.TempDir(), "demo"), "--parent-stdin"}, inReader, outWriter)
	}()
	line, err := bufio.NewReader(outReader).ReadString('\n')
	base, ok := strings.CutPrefix(strings.TrimSpace(line), "listening on ")
	if err != nil || !ok {
		t.Fatalf("%q, %v", line, err)
	}
	response, err := http.Get(base + "/_standin/stats")
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if err := inWriter.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err != nil {
		t.Errorf("ended with %v", err)
	}
}

func TestBadArguments(t *testing.T) {
	for want, args := range map[string][]string{
		"give either":            {},
		"not a loopback address": {"--listen", "0.0.0.0:0", "--demo", t.TempDir()},
		"no such file":           {"--world", "/nonexistent.json"},
		"not defined":            {"--nonsense"},
	} {
		err := run(context.Background(), args, strings.NewReader(""), io.Discard)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v", args, err)
		}
	}
}
