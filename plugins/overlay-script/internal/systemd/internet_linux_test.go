package systemd_test

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"testing"

	"github.com/left4me/left4me/plugins/overlay-script/internal/sandbox"
	"github.com/left4me/left4me/plugins/overlay-script/internal/sandboxtest"
	"github.com/left4me/left4me/plugins/overlay-script/internal/systemd"
)

func variable(t *testing.T, name string) string {
	t.Helper()
	value := os.Getenv(name)
	if value == "" {
		t.Skip("needs the internet of test/host")
	}
	return value
}

func newSandbox(t *testing.T, config systemd.Config) *systemd.Sandbox {
	t.Helper()
	s, err := systemd.New(config)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestInternet(t *testing.T) {
	internet, internet6 := variable(t, "LEFT4ME_TEST_INTERNET"), variable(t, "LEFT4ME_TEST_INTERNET6")
	script := fmt.Sprintf(`
get() { curl -sS --noproxy '*' --max-time 4 "$@" 2>&1; }
get http://maps.example/by-name; get -6 http://maps.example/by-name-v6; get https://maps.example/by-tls
get http://%[1]s/address; get "http://[%[2]s]/address-v6"; get "http://[::ffff:%[1]s]/mapped"
(get -L http://maps.example/away) & (get http://private.example/) & (get http://%[3]s/) & (get "http://[::ffff:%[3]s]/") &
(get http://%[4]s/ && echo BROKEN own) & (get "http://[%[5]s]/" && echo BROKEN own v6) & (get "http://[::ffff:%[4]s]/" && echo BROKEN own mapped) &
(get http://%[6]s/ && echo BROKEN lan) & (get http://127.0.0.1/ && echo BROKEN loopback) & (get http://169.254.169.254/) & (get "http://[fd00::9]/") &
wait
getent hosts absent.example && echo BROKEN name
echo end`, internet, internet6, variable(t, "LEFT4ME_TEST_PRIVATE"), variable(t, "LEFT4ME_TEST_OWN"), variable(t, "LEFT4ME_TEST_OWN6"), variable(t, "LEFT4ME_TEST_LAN"))
	got := sandboxtest.Try(t, backend(), newSandbox(t, config(sandboxtest.Options{})), script)
	sandboxtest.Unbroken(t, got)
	for _, path := range []string{"by-name", "by-name-v6", "by-tls", "address", "address-v6", "mapped"} {
		if !strings.Contains(got.Out, "internet /"+path+"\n") {
			t.Errorf("%s was not reached", path)
		}
	}
	if t.Failed() {
		t.Logf("%s\n%s", got.Out, got.Err)
	}
	none := newSandbox(t, config(sandboxtest.Options{Network: sandbox.NetworkNone}))
	if got := sandboxtest.Try(t, backend(), none, fmt.Sprintf("curl -sS --max-time 3 http://%s/ && echo BROKEN; echo end", internet)); got.Out != "end\n" {
		t.Errorf("without egress: %q", got.Out)
	}
}

// The deny list follows the host's addresses.
func TestNewAddress(t *testing.T) {
	address := variable(t, "LEFT4ME_TEST_NEW")
	s := newSandbox(t, config(sandboxtest.Options{}))
	got := sandboxtest.Try(t, backend(), s, fmt.Sprintf("curl -sS --max-time 3 http://%s/ 2>&1; echo end", address))
	if !strings.Contains(got.Out, "timed out") {
		t.Errorf("%s answered, if only with a refusal: %q", address, got.Out)
	}
}

// A deny list that lacks what it must have is no sandbox.
func TestMissingDenial(t *testing.T) {
	needHost(t)
	wanted := config(sandboxtest.Options{})
	wanted.Denied = []netip.Prefix{netip.MustParsePrefix("9.9.9.0/24")}
	_, err := newSandbox(t, wanted).Run(context.Background(), sandbox.Spec{
		Interpreter: []string{"/bin/bash"}, Script: []byte("true"), Network: true,
	}, nil)
	if err == nil || !strings.Contains(err.Error(), "9.9.9.0/24") || !strings.Contains(err.Error(), "/etc/left4me/denied-networks") {
		t.Errorf("error %v", err)
	}
}
