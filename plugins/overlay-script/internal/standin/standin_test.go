package standin_test

import (
	"bytes"
	"crypto/md5"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/left4me/left4me/plugins/overlay-script/internal/standin"
	"github.com/left4me/left4me/sdk/format/vpk"
)

func serve(t *testing.T) (*standin.Sites, string) {
	t.Helper()
	sites := standin.New("http://maps.test")
	server := httptest.NewServer(sites)
	t.Cleanup(server.Close)
	return sites, server.URL
}

func get(t *testing.T, url string) (int, []byte, error) {
	t.Helper()
	response, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return response.StatusCode, body, err
}

func TestListNamesWhatTheArchivesHold(t *testing.T) {
	seven, err := exec.LookPath("7z")
	if err != nil {
		t.Skip("7z is not installed: apt-get install p7zip-full")
	}
	_, base := serve(t)
	_, list, err := get(t, base+"/maps/servers/index.csv")
	lines := strings.Split(strings.TrimSpace(string(list)), "\r\n")
	if err != nil || len(lines) != 5 || lines[0] != "Name;Size;md5;Download link" {
		t.Fatalf("%q, %v", list, err)
	}
	for _, line := range lines[1:] {
		fields := strings.Split(line, ";")
		_, archive, err := get(t, base+strings.ReplaceAll(strings.TrimPrefix(fields[3], "http://maps.test"), " ", "%20"))
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "map.7z")
		if err := os.WriteFile(path, archive, 0o644); err != nil {
			t.Fatal(err)
		}
		file, err := exec.Command(seven, "x", "-so", path, fields[0]).Output()
		if err != nil {
			t.Fatalf("7z: %v", err)
		}
		if sum := fmt.Sprintf("%x", md5.Sum(file)); sum != fields[2] || fmt.Sprint(len(file)) != fields[1] {
			t.Errorf("%s: %d bytes, md5 %s, the list says %v", fields[0], len(file), sum, fields)
		}
		if out, err := exec.Command(seven, "t", path).CombinedOutput(); err != nil {
			t.Errorf("7z t: %v\n%s", err, out)
		}
		if !bytes.HasPrefix(file, []byte{0x34, 0x12, 0xaa, 0x55}) {
			t.Errorf("%s is no VPK", fields[0])
		}
	}
}

func TestFaults(t *testing.T) {
	sites, base := serve(t)
	url := base + "/maps/AllMapsInOneZipFile.zip"
	_, whole, err := get(t, url)
	if err != nil {
		t.Fatal(err)
	}
	for _, fault := range standin.Faults() {
		sites.Fail("AllMapsInOneZipFile.zip", fault)
		status, body, err := get(t, url)
		same := err == nil && status == 200 && bytes.Equal(body, whole)
		if same != (fault == standin.None) {
			t.Errorf("%q: status %d, %d bytes, %v", fault, status, len(body), err)
		}
	}
	sites.Fail("AllMapsInOneZipFile.zip", standin.None)
	sites.Publish()
	if _, body, _ := get(t, url); bytes.Equal(body, whole) {
		t.Error("a new version is the old one")
	}
}

func TestUnchangedIsNotSentAgain(t *testing.T) {
	_, base := serve(t)
	url := base + standin.Repository + "/archive/refs/heads/master.tar.gz"
	first, err := http.Head(url)
	if err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequest("GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("If-None-Match", first.Header.Get("ETag"))
	again, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	_ = again.Body.Close()
	if again.StatusCode != http.StatusNotModified {
		t.Errorf("status %d", again.StatusCode)
	}
}

func TestControl(t *testing.T) {
	sites, base := serve(t)
	control := httptest.NewServer(sites.Control())
	t.Cleanup(control.Close)
	for query, want := range map[string]int{"path=index.csv&fault=failing": 200, "path=index.csv&fault=odd": 400, "fault=cut": 400} {
		response, err := http.Post(control.URL+"/fail?"+query, "", nil)
		if err != nil || response.StatusCode != want {
			t.Errorf("%s: %v, %v", query, response, err)
		}
	}
	if status, _, _ := get(t, base+"/maps/servers/index.csv"); status != 500 {
		t.Errorf("status %d", status)
	}
}

// The VPKs are such that a reader of the format takes them.
func TestVPKIsReadable(t *testing.T) {
	sites, _ := serve(t)
	file := sites.VPK("widebox1")
	pack, err := vpk.NewReader(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	if err := pack.Verify(t.Context()); err != nil {
		t.Error(err)
	}
	if pack.Lookup("addoninfo.txt") == nil {
		t.Error("it has no addoninfo.txt")
	}
}
