package sdk_test

import (
	"bufio"
	"maps"
	"strings"
	"testing"

	"github.com/left4me/left4me/sdk"
)

func parse(text string) (map[string]string, error) {
	return sdk.ParseLaunch(bufio.NewReader(strings.NewReader(text)))
}

func TestLaunchLine(t *testing.T) {
	line := string(sdk.FormatLaunch([]string{
		"LEFT4ME_PLUGIN=cookie", "PLUGIN_CLIENT_CERT=-----BEGIN\nx=y\n-----END", "PLUGIN_UNIX_SOCKET_DIR=/run/x",
		"LD_PRELOAD=/tmp/evil.so", "PATH=/bin", "PLUGIN_OTHER=x",
	}))
	if strings.Count(line, "\n") != 1 || !strings.HasPrefix(line, `{"left4me_launch":1,`) {
		t.Errorf("not one line: %q", line)
	}
	env, err := parse(line + "what follows is not read")
	want := map[string]string{
		"LEFT4ME_PLUGIN": "cookie", "PLUGIN_CLIENT_CERT": "-----BEGIN\nx=y\n-----END",
		"PLUGIN_UNIX_SOCKET_DIR": "/run/x",
	}
	if err != nil || !maps.Equal(env, want) {
		t.Errorf("ParseLaunch = %v, %v, want %v", env, err, want)
	}
}

func TestLaunchLineTakesOnlyListedNames(t *testing.T) {
	env, err := parse(`{"left4me_launch":1,"env":{"LD_PRELOAD":"/tmp/evil.so","PLUGIN_MIN_PORT":"1"},"later":true}` + "\n")
	if err != nil || !maps.Equal(env, map[string]string{"PLUGIN_MIN_PORT": "1"}) {
		t.Errorf("ParseLaunch = %v, %v", env, err)
	}
}

func TestLaunchLineRefused(t *testing.T) {
	for name, text := range map[string]string{
		"nothing":     "",
		"no newline":  `{"left4me_launch":1,"env":{}}`,
		"empty line":  "\n",
		"no JSON":     "hello\n",
		"other JSON":  "{}\n",
		"wrong types": `{"left4me_launch":1,"env":[]}` + "\n",
		"newer":       `{"left4me_launch":2,"env":{}}` + "\n",
		"too long":    strings.Repeat("x", sdk.MaxLaunchLine+1) + "\n",
		"endless":     strings.Repeat("x", 2*sdk.MaxLaunchLine),
	} {
		if env, err := parse(text); err == nil {
			t.Errorf("%s: accepted as %v", name, env)
		}
	}
}

func FuzzParseLaunch(f *testing.F) {
	f.Add(string(sdk.FormatLaunch([]string{"LEFT4ME_PLUGIN=x"})))
	f.Add(`{"left4me_launch":1,"env":{"A":"b"}}` + "\n")
	f.Fuzz(func(t *testing.T, text string) {
		env, err := parse(text)
		if err != nil {
			return
		}
		var environ []string
		for name, value := range env {
			environ = append(environ, name+"="+value)
		}
		again, err := parse(string(sdk.FormatLaunch(environ)))
		if err != nil || !maps.Equal(env, again) {
			t.Errorf("%v became %v, %v", env, again, err)
		}
	})
}
