package script_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/left4me/left4me/plugins/overlay-script/internal/script"
	"github.com/left4me/left4me/sdk"
)

func TestParse(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want script.Header
	}{
		"bash":      {"#!/bin/bash\necho", script.Header{Interpreter: []string{"/bin/bash"}}},
		"arguments": {"#! /usr/bin/bash -e -u\n", script.Header{Interpreter: []string{"/bin/bash", "-e", "-u"}}},
		"sh":        {"#!/bin/sh", script.Header{Interpreter: []string{"/bin/sh"}}},
		"env":       {"#!/usr/bin/env bash\n", script.Header{Interpreter: []string{"/bin/bash"}}},
		"env -S":    {"#!/usr/bin/env -S bash -e\n", script.Header{Interpreter: []string{"/bin/bash", "-e"}}},
		"header": {"#!/bin/bash\n# Some words.\n# left4me: title=Maps of a site\n# left4me: tools=curl, 7z unzip\n# left4me: network=no\n\n# left4me: tools=late\n",
			script.Header{Interpreter: []string{"/bin/bash"}, Title: "Maps of a site", Tools: []string{"curl", "7z", "unzip"}, Offline: true}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := script.Parse(c.text)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	for name, text := range map[string]string{
		"empty":           "",
		"no shebang":      "echo hello\n",
		"late shebang":    "\n#!/bin/bash\n",
		"python":          "#!/usr/bin/python3\n",
		"a path to bash":  "#!/overlay/bash\n",
		"only env":        "#!/usr/bin/env\n",
		"only env -S":     "#!/usr/bin/env -S\n",
		"nothing after":   "#!\n",
		"Windows":         "#!/bin/bash\r\necho\r\n",
		"zero byte":       "#!/bin/bash\n\x00",
		"no UTF-8":        "#!/bin/bash\n\xff",
		"too long":        "#!/bin/bash\n" + strings.Repeat("#", script.MaxSize),
		"unknown key":     "#!/bin/bash\n# left4me: speed=fast\n",
		"tool with slash": "#!/bin/bash\n# left4me: tools=../x\n",
		"network maybe":   "#!/bin/bash\n# left4me: network=maybe\n",
	} {
		t.Run(name, func(t *testing.T) {
			_, err := script.Parse(text)
			fault, ok := errors.AsType[*sdk.Error](err)
			if !ok || fault.Code != sdk.CodeInvalid || fault.Field != "/script" || fault.Hint == "" || !strings.HasSuffix(fault.Message, ".") {
				t.Errorf("%#v", err)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	f.Add("#!/bin/bash\n# left4me: tools=curl\n")
	f.Add("#!/usr/bin/env -S bash\n")
	f.Fuzz(func(t *testing.T, text string) {
		header, err := script.Parse(text)
		if err == nil && (len(header.Interpreter) == 0 || header.Interpreter[0] != "/bin/bash" && header.Interpreter[0] != "/bin/sh") {
			t.Errorf("%q runs %q", text, header.Interpreter)
		}
	})
}

func TestCheckTools(t *testing.T) {
	if err := script.CheckTools([]string{"bash", "awk", "tar"}, script.Path()); err != nil {
		t.Error(err)
	}
	for name, c := range map[string]struct {
		tools         []string
		message, hint string
	}{
		"one": {[]string{"7z"}, `The script needs "7z", which is not installed on this host.`, "Ask the operator to run: apt-get install p7zip-full"},
		"several": {[]string{"xargs", "find", "absent", "absent"},
			"The script needs the commands xargs, find, absent, which are not installed on this host.", "Ask the operator to run: apt-get install findutils absent"},
	} {
		t.Run(name, func(t *testing.T) {
			err := script.CheckTools(c.tools, []string{t.TempDir()})
			fault, ok := errors.AsType[*sdk.Error](err)
			if !ok || fault.Code != sdk.CodePrecondition || fault.Message != c.message || fault.Hint != c.hint {
				t.Errorf("%#v", err)
			}
		})
	}
}
