package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestConfigFlag(t *testing.T) {
	for _, c := range []struct {
		args []string
		file string
		rest []string
		bad  bool
	}{
		{args: []string{"m"}, rest: []string{"m"}},
		{args: []string{"m", "describe"}, rest: []string{"m", "describe"}},
		{args: []string{"m", "--config", "/f"}, file: "/f", rest: []string{"m"}},
		{args: []string{"m", "--config=/f", "version"}, file: "/f", rest: []string{"m", "version"}},
		{args: []string{"m", "describe", "--config", "/f"}, file: "/f", rest: []string{"m", "describe"}},
		{args: []string{"m", "--config"}, bad: true},
		{args: []string{"m", "--config="}, bad: true},
	} {
		file, rest, err := configFlag(c.args)
		if (err != nil) != c.bad || file != c.file || cmp.Diff(c.rest, rest) != "" {
			t.Errorf("%q gave %q, %q, %v", c.args, file, rest, err)
		}
	}
}
