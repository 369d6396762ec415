package overlayscript_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"maps"
	"math/big"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/left4me/left4me/plugins/overlay-script/internal/overlayscript"
	"github.com/left4me/left4me/plugins/overlay-script/internal/standin"
	"github.com/left4me/left4me/sdk"
)

const examples = "../../../../examples/script-overlays"

// internet is the stand-ins behind the real names of the sites, with certificates that the scripts'
// sandbox trusts: scripts and their addresses are those of the repository, unmodified.
type internet struct {
	*standin.Sites
	*site
	script string
}

func newInternet(t *testing.T, name string) *internet {
	t.Helper()
	needBubblewrap(t)
	if _, err := exec.LookPath("7z"); err != nil {
		t.Skip("7z is not installed: apt-get install p7zip-full")
	}
	names := []string{"l4d2center.com", "cedapug.com", "github.com", "raw.githubusercontent.com"}
	authority, certificate := certificates(t, names)
	sites := standin.New("https://l4d2center.com")
	server := httptest.NewUnstartedServer(sites)
	server.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}}
	server.StartTLS()
	t.Cleanup(server.Close)
	pemFile := filepath.Join(t.TempDir(), "authority.pem")
	if err := os.WriteFile(pemFile, authority, 0o644); err != nil {
		t.Fatal(err)
	}
	hosts := map[string]string{}
	for _, name := range names {
		hosts[name] = "198.51.100.7"
	}
	settings, err := json.Marshal(map[string]any{
		"hosts": hosts, "certificate_file": pemFile,
		"redirects": map[string]string{"198.51.100.7:443": server.Listener.Addr().String()},
	})
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(examples, name))
	if err != nil {
		t.Fatal(err)
	}
	return &internet{sites, newSite(t, string(settings)), string(text)}
}

// certificates makes an authority and a certificate for the names.
func certificates(t *testing.T, names []string) ([]byte, tls.Certificate) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "left4me test"}, DNSNames: names,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	raw, err := x509.CreateCertificate(rand.Reader, &template, &template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: raw}), tls.Certificate{Certificate: [][]byte{raw}, PrivateKey: key}
}

// sync runs the script once.
func (i *internet) sync() outcome {
	i.t.Helper()
	return i.build(overlayscript.OverlaySettings{Script: i.script, Network: true})
}

// must runs the script and fails the test unless it succeeds.
func (i *internet) must() outcome {
	i.t.Helper()
	got := i.sync()
	if got.err != nil {
		i.t.Fatalf("%v\n%s%s\n%q", got.err, got.stdout(), got.stderr(), got.recorder.Logs())
	}
	return got
}

// files lists the tree with inode and content of every file: a file that was written again shows.
func (i *internet) files() map[string]string {
	i.t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(i.tree, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		if mode := info.Mode(); !mode.IsRegular() || mode.Perm()&0o444 != 0o444 {
			i.t.Errorf("%s has the mode %s", path, mode)
		}
		content, err := os.ReadFile(path)
		name, _ := filepath.Rel(i.tree, path)
		out[name] = fmt.Sprintf("%d %x", info.ModTime().UnixNano(), content)
		return err
	})
	if err != nil {
		i.t.Fatal(err)
	}
	return out
}

// addons lists the maps in the tree and holds them against the sites'.
func (i *internet) addons(names ...string) {
	i.t.Helper()
	found, err := filepath.Glob(filepath.Join(i.tree, "left4dead2/addons/*"))
	if err != nil {
		i.t.Fatal(err)
	}
	var got, want []string
	for _, path := range found {
		got = append(got, filepath.Base(path))
	}
	for _, name := range names {
		want = append(want, name+".vpk")
		content, err := os.ReadFile(filepath.Join(i.tree, "left4dead2/addons", name+".vpk"))
		if err != nil || name != "mine" && !bytes.Equal(content, i.VPK(name)) {
			i.t.Errorf("%s: %d bytes that are not the site's, %v", name, len(content), err)
		}
	}
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		i.t.Error(diff)
	}
}

func (i *internet) plant(name, content string) {
	i.t.Helper()
	path := filepath.Join(i.tree, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		i.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		i.t.Fatal(err)
	}
	if os.Geteuid() == 0 {
		for dir := filepath.Dir(path); strings.HasPrefix(dir, i.tree); dir = filepath.Dir(dir) {
			if err := os.Chown(dir, scriptUser, scriptUser); err != nil {
				i.t.Fatal(err)
			}
		}
	}
}

// unchangedBy runs the script with a fault and expects an exit code and an untouched tree.
func (i *internet) unchangedBy(path string, fault standin.Fault, code sdk.Code) {
	i.t.Helper()
	before := i.files()
	i.Fail(path, fault)
	got := i.sync()
	i.Fail(path, standin.None)
	if sdk.CodeOf(got.err) != code {
		i.t.Errorf("%s %s: %v\n%s%s", path, fault, got.err, got.stdout(), got.stderr())
	}
	if diff := cmp.Diff(before, i.files()); diff != "" {
		i.t.Errorf("%s %s changed the tree: %.500s", path, fault, diff)
	}
}

func TestExampleMaps(t *testing.T) {
	for name, c := range map[string]struct {
		source string // what all content comes from
		wrong  sdk.Code
	}{
		"cedapug_maps":    {"AllMapsInOneZipFile.zip", sdk.CodePrecondition},
		"l4d2center_maps": {"index.csv", sdk.CodePrecondition},
	} {
		t.Run(name, func(t *testing.T) {
			i := newInternet(t, name)
			all := []string{"widebox1", "dark carnival remix", "detourahead", "downpour"}
			i.plant("left4dead2/addons/mine.vpk", "somebody put this here")
			i.must()
			i.addons(append(all, "mine")...)

			before := i.files()
			i.Requests()
			i.must()
			if diff := cmp.Diff(before, i.files()); diff != "" {
				t.Errorf("a second run changed the tree: %.500s", diff)
			}
			if asked := i.Requests(); len(asked) != 1 {
				t.Errorf("a second run asked for %q", asked)
			}
			// A damaged and a missing map come back.
			i.plant("left4dead2/addons/downpour.vpk", "damaged")
			if err := os.Remove(filepath.Join(i.tree, "left4dead2/addons/widebox1.vpk")); err != nil {
				t.Fatal(err)
			}
			i.must()
			i.addons(append(all, "mine")...)

			i.Publish()
			for _, fault := range []standin.Fault{standin.Failing, standin.Cut, standin.Page, standin.Empty, standin.Short, standin.WrongSum} {
				code := c.wrong
				if fault == standin.Failing || fault == standin.Cut {
					code = sdk.CodeUnavailable
				}
				i.unchangedBy(c.source, fault, code)
			}
			i.must()
			i.addons(append(all, "mine")...)

			i.SetMaps("widebox1", "downpour", "new one")
			i.must()
			i.addons("widebox1", "downpour", "new one", "mine")
		})
	}
}

// One broken archive must not keep the others from being updated, nor remove what is there.
func TestExampleL4D2CenterKeepsWhatItCannotVerify(t *testing.T) {
	i := newInternet(t, "l4d2center_maps")
	i.must()
	old := i.VPK("downpour")
	for _, fault := range []standin.Fault{standin.Failing, standin.Cut, standin.Page, standin.Empty, standin.Short, standin.WrongSum} {
		i.Publish()
		i.Fail("downpour.7z", fault)
		got := i.must()
		if !strings.Contains(got.stderr(), "left out: downpour.vpk") {
			t.Errorf("%s: %q", fault, got.stderr())
		}
		kept, err := os.ReadFile(filepath.Join(i.tree, "left4dead2/addons/downpour.vpk"))
		if err != nil || !bytes.Equal(kept, old) {
			t.Errorf("%s: %d bytes, %v", fault, len(kept), err)
		}
		updated, err := os.ReadFile(filepath.Join(i.tree, "left4dead2/addons/widebox1.vpk"))
		if err != nil || !bytes.Equal(updated, i.VPK("widebox1")) {
			t.Errorf("%s: the others were not updated: %v", fault, err)
		}
	}
	i.Fail("downpour.7z", standin.None)
	i.must()
	i.addons("widebox1", "dark carnival remix", "detourahead", "downpour")
}

func TestExampleCompetitiveRework(t *testing.T) {
	i := newInternet(t, "competitive_rework")
	i.plant("left4dead2/cfg/mine.cfg", "// mine\n")
	i.must()
	first := i.files()
	for _, name := range []string{"addons/metamod.vdf", "cfg/server.cfg", "cfg/server_competitive_rework.cfg", "addons/sourcemod/plugins/only-in-version-1.smx", "cfg/mine.cfg"} {
		if first["left4dead2/"+name] == "" {
			t.Errorf("%s is not there", name)
		}
	}
	if len(first) < 1200 {
		t.Errorf("%d files", len(first))
	}
	if got := i.must(); !strings.Contains(got.stdout(), "up to date") {
		t.Errorf("second run: %q", got.stdout())
	}
	if diff := cmp.Diff(first, i.files()); diff != "" {
		t.Errorf("a second run changed the tree: %.500s", diff)
	}
	i.Publish()
	for fault, code := range map[standin.Fault]sdk.Code{
		standin.Failing: sdk.CodeUnavailable, standin.Cut: sdk.CodeUnavailable,
		standin.Page: sdk.CodePrecondition, standin.Empty: sdk.CodePrecondition, standin.Short: sdk.CodePrecondition,
	} {
		i.unchangedBy("master.tar.gz", fault, code)
	}
	i.must()
	second := i.files()
	changed := 0
	for name := range maps.Keys(first) {
		if second[name] != first[name] {
			changed++
		}
	}
	// server.cfg and its copy, core.cfg, the dropped plugin, and the state of the script.
	if changed > 7 || second["left4dead2/addons/sourcemod/plugins/only-in-version-1.smx"] != "" || second["left4dead2/addons/sourcemod/plugins/only-in-version-2.smx"] == "" ||
		second["left4dead2/cfg/mine.cfg"] == "" {
		t.Errorf("%d files changed", changed)
	}
}

func TestExampleTickrate(t *testing.T) {
	i := newInternet(t, "tickrate")
	i.must()
	first := i.files()
	var names []string
	for name := range first {
		names = append(names, strings.TrimPrefix(name, "left4dead2/"))
	}
	slices.Sort(names)
	want := []string{"addons/tickrate_enabler.dll", "addons/tickrate_enabler.so", "addons/tickrate_enabler.vdf", "cfg/server_tickrate.cfg"}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Error(diff)
	}
	i.must()
	if diff := cmp.Diff(first, i.files()); diff != "" {
		t.Errorf("a second run changed the tree: %.500s", diff)
	}
	i.Publish()
	for fault, code := range map[standin.Fault]sdk.Code{
		standin.Failing: sdk.CodeUnavailable, standin.Cut: sdk.CodeUnavailable, standin.Page: sdk.CodePrecondition, standin.Short: sdk.CodePrecondition,
	} {
		i.unchangedBy("tickrate_enabler.so", fault, code)
	}
	i.must()
	if first["left4dead2/addons/tickrate_enabler.so"] == i.files()["left4dead2/addons/tickrate_enabler.so"] {
		t.Error("the new version was not taken")
	}
}

func TestExamplesAreCleanForShellcheck(t *testing.T) {
	check, err := exec.LookPath("shellcheck")
	if err != nil {
		t.Skip("shellcheck is not installed: apt-get install shellcheck")
	}
	scripts, err := filepath.Glob(filepath.Join(examples, "*_*"))
	if err != nil || len(scripts) < 3 {
		t.Fatalf("%q, %v", scripts, err)
	}
	if out, err := exec.Command(check, append(scripts, filepath.Join(examples, "tickrate"))...).CombinedOutput(); err != nil {
		t.Errorf("%s", out)
	}
}
