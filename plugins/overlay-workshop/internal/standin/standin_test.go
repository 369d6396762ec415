package standin_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/left4me/left4me/plugins/overlay-workshop/internal/standin"
	"github.com/left4me/left4me/sdk/format/campaign"
	"github.com/left4me/left4me/sdk/format/vpk"
)

func serve(t *testing.T, world standin.World) (*standin.Server, string) {
	t.Helper()
	server := standin.New(world)
	listener := httptest.NewServer(server)
	t.Cleanup(listener.Close)
	return server, listener.URL
}

// do sends a request and returns status, header and body.
func do(t *testing.T, method, address, body string, header ...string) (int, http.Header, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if method == http.MethodPost {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i+1 < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, response.Header, string(data)
}

const (
	detailsPath    = "/ISteamRemoteStorage/GetPublishedFileDetails/v1/"
	collectionPath = "/ISteamRemoteStorage/GetCollectionDetails/v1/"
)

func TestFormsAsClientsSendThem(t *testing.T) {
	_, base := serve(t, standin.World{Items: []standin.Item{{ID: "7", Title: "Seven", Data: []byte("x")}}})
	for _, body := range []string{
		"itemcount=2&publishedfileids[0]=7&publishedfileids[1]=222",
		"itemcount=2&publishedfileids%5B0%5D=7&publishedfileids%5B1%5D=222&format=json",
	} {
		status, _, text := do(t, "POST", base+detailsPath, body)
		if status != 200 || !strings.Contains(text, `"title":"Seven"`) || !strings.Contains(text, `{"publishedfileid":"222","result":9}`) || !strings.Contains(text, `"file_size":"1"`) {
			t.Errorf("%s: %d %s", body, status, text)
		}
	}
	for _, body := range []string{"", "itemcount=0", "publishedfileids[0]=7", "itemcount=2&publishedfileids[0]=7", "itemcount=x&publishedfileids[0]=7"} {
		if status, _, _ := do(t, "POST", base+detailsPath, body); status != 400 {
			t.Errorf("%q: status %d", body, status)
		}
	}
	if status, _, _ := do(t, "GET", base+detailsPath+"?itemcount=1&publishedfileids[0]=7", ""); status != 405 {
		t.Errorf("GET: status %d", status)
	}
}

func TestCollections(t *testing.T) {
	_, base := serve(t, standin.World{
		Items:       []standin.Item{{ID: "7", Data: []byte("x")}},
		Collections: []standin.Collection{{ID: "1", Children: []string{"7", "2"}}, {ID: "2", NoList: true}},
	})
	_, _, text := do(t, "POST", base+collectionPath, "collectioncount=3&publishedfileids[0]=1&publishedfileids[1]=2&publishedfileids[2]=7")
	var answer struct {
		Response struct {
			Result, Resultcount int
			Collectiondetails   []map[string]any
		}
	}
	if err := json.Unmarshal([]byte(text), &answer); err != nil {
		t.Fatal(err)
	}
	got := answer.Response
	if got.Result != 1 || got.Resultcount != 2 || len(got.Collectiondetails) != 3 || fmt.Sprint(got.Collectiondetails[2]) != "map[publishedfileid:7 result:9]" {
		t.Errorf("answer %s", text)
	}
	if _, listed := got.Collectiondetails[1]["children"]; listed {
		t.Error("a collection without list has children")
	}
	if !strings.Contains(text, `{"filetype":2,"publishedfileid":"2","sortorder":2}`) {
		t.Errorf("answer %s", text)
	}
}

func TestDownloadsWithRange(t *testing.T) {
	item := standin.Item{ID: "7", Data: []byte("0123456789")}
	server, base := serve(t, standin.World{Items: []standin.Item{item}})
	address := base + item.Path()
	for _, test := range []struct {
		header, body, contentRange string
		status                     int
	}{
		{"", "0123456789", "", 200},
		{"bytes=4-", "456789", "bytes 4-9/10", 206},
		{"bytes=10-", "invalid range: failed to overlap\n", "bytes */10", 416},
	} {
		header := []string{}
		if test.header != "" {
			header = []string{"Range", test.header}
		}
		status, got, body := do(t, "GET", address, "", header...)
		if status != test.status || body != test.body || got.Get("Content-Range") != test.contentRange {
			t.Errorf("%q: %d %q %q", test.header, status, body, got.Get("Content-Range"))
		}
	}
	server.ChangeItem("7", func(i *standin.Item) { i.Data, i.Updated = []byte("new"), 1_800_000_000 })
	if _, _, body := do(t, "GET", address, ""); body != "0123456789" {
		t.Errorf("the old version is %q", body)
	}
	if stats := server.Stats(); stats.Downloads != 4 || stats.ByItem["7"] != 4 || stats.Bytes < 26 || stats.Resumed != 2 {
		t.Errorf("stats %+v", stats)
	}
}

// Counting used to panic, with the server's lock held, when a reset came during a download.
func TestResetDuringADownload(t *testing.T) {
	item := standin.Item{ID: "7", Data: make([]byte, 100_000), Fault: standin.Fault{Rate: 500_000}}
	server, base := serve(t, standin.World{Items: []standin.Item{item}})
	response, err := http.Get(base + item.Path())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	if _, err := io.ReadFull(response.Body, make([]byte, 10_000)); err != nil {
		t.Fatal(err)
	}
	server.ResetStats()
	if n, err := io.Copy(io.Discard, response.Body); err != nil || n != 90_000 {
		t.Errorf("%d bytes, %v", n, err)
	}
	if stats := server.Stats(); stats.Bytes == 0 || stats.BytesByItem["7"] == 0 {
		t.Errorf("stats %+v", stats)
	}
}

func TestVersionCheckAndPlayers(t *testing.T) {
	_, base := serve(t, standin.World{RequiredVersion: 2250, Players: []standin.Player{{SteamID: "76561198000000001", Name: "Ann"}}})
	for path, want := range map[string]string{
		"/ISteamApps/UpToDateCheck/v1/?appid=550&version=2250&format=json":             `"up_to_date":true`,
		"/ISteamApps/UpToDateCheck/v1/?appid=550&version=2243":                         `"required_version":2250`,
		"/ISteamApps/UpToDateCheck/v1/?appid=1&version=1":                              `"success":false`,
		"/ISteamUser/GetPlayerSummaries/v2/?key=K&steamids=1,76561198000000001":        `"personaname":"Ann"`,
		"/ISteamUser/GetPlayerSummaries/v2/?" + url.Values{"steamids": {"1"}}.Encode(): "Forbidden",
	} {
		if _, _, body := do(t, "GET", base+path, ""); !strings.Contains(body, want) {
			t.Errorf("%s: %s", path, body)
		}
	}
}

func TestControlFromAnotherProcess(t *testing.T) {
	server, base := serve(t, standin.World{})
	path := filepath.Join(t.TempDir(), "a.vpk")
	if err := standin.WritePack(path, standin.Campaign("c", "C", "c_m1")); err != nil {
		t.Fatal(err)
	}
	item, err := json.Marshal(standin.Item{ID: "5", Title: "Put", File: path})
	if err != nil {
		t.Fatal(err)
	}
	for _, call := range [][2]string{{"item", string(item)}, {"collection", `{"id":"6","title":"t","children":["5"]}`}, {"api-fault", `{"status":500,"times":1}`}} {
		if status, _, body := do(t, "PUT", base+"/_standin/"+call[0], call[1]); status != 204 {
			t.Errorf("%s: %d %s", call[0], status, body)
		}
	}
	if status, _, _ := do(t, "PUT", base+"/_standin/item", `{"nonsense":1}`); status != 400 {
		t.Errorf("nonsense: %d", status)
	}
	statuses := ""
	for range 2 {
		status, _, _ := do(t, "POST", base+detailsPath, "itemcount=1&publishedfileids[0]=5")
		statuses += fmt.Sprint(status, " ")
	}
	if statuses != "500 200 " {
		t.Errorf("statuses %s", statuses)
	}
	if _, _, body := do(t, "GET", base+"/_standin/stats", ""); !strings.Contains(body, `"api_calls":2`) {
		t.Errorf("stats %s", body)
	}
	if status, _, _ := do(t, "POST", base+"/_standin/stats/reset", ""); status != 204 || server.Stats().APICalls != 0 {
		t.Errorf("reset: %d", status)
	}
}

func TestDemoIsValid(t *testing.T) {
	world, err := standin.Demo(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	campaigns := 0
	for _, item := range world.Items {
		if item.File == "" {
			continue
		}
		pack, err := vpk.Open(item.File)
		if err != nil {
			t.Fatal(err)
		}
		if err := pack.Verify(t.Context()); err != nil {
			t.Errorf("%s: %v", item.Title, err)
		}
		listing := campaign.Read(pack)
		campaigns += len(listing.Campaigns)
		if listing.Addon.Title == "" || len(listing.Problems) > 0 {
			t.Errorf("%s: %+v", item.Title, listing)
		}
		_ = pack.Close()
	}
	if campaigns != 2 {
		t.Errorf("%d campaigns", campaigns)
	}
}

func TestLoad(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, data []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	write("a.vpk", standin.Pack(standin.Campaign("c", "C", "c_m1")))
	world, err := standin.Load(write("world.json", []byte(`{"items":[{"id":"1","file":"a.vpk","fault":{"cut_after":5,"times":1}}]}`)))
	if err != nil || world.Items[0].File != filepath.Join(dir, "a.vpk") || world.Items[0].Fault.CutAfter != 5 {
		t.Errorf("%+v, %v", world, err)
	}
	for name, text := range map[string]string{"syntax": "{", "file": `{"items":[{"id":"1","file":"gone.vpk"}]}`} {
		if _, err := standin.Load(write("bad.json", []byte(text))); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if !bytes.HasPrefix(standin.Pack(nil), []byte{0x34, 0x12, 0xAA, 0x55}) {
		t.Error("a pack without files has no magic")
	}
}
