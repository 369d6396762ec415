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
